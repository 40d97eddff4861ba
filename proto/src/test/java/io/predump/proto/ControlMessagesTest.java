package io.predump.proto;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import io.predump.proto.control.Control;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A golden file per message of the control protocol, with every field set: its bytes on the first
 * line, the decoded message below. A client of today must be understood by a daemon of tomorrow, so
 * what is there is never edited; a new field gets a golden file of its own beside the old one.
 */
class ControlMessagesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/control");

  static Stream<String> names() {
    return Control.getDescriptor().getMessageTypes().stream().map(Descriptor::getName);
  }

  /** Each value follows from its field's number, so that no two are mixed up unnoticed. */
  private static Message filled(Descriptor type) {
    DynamicMessage.Builder message = DynamicMessage.newBuilder(type);
    for (FieldDescriptor field : type.getFields()) {
      if (field.isRepeated()) {
        message.addRepeatedField(field, value(field));
      } else {
        message.setField(field, value(field));
      }
    }
    return message.build();
  }

  private static Object value(FieldDescriptor field) {
    int number = field.getNumber();
    return switch (field.getJavaType()) {
      case INT -> number;
      case LONG -> number * 1_000_000_007L;
      case BOOLEAN -> true;
      case STRING -> field.getName();
      case ENUM -> field.getEnumType().getValues().get(0);
      case MESSAGE -> filled(field.getMessageType());
      case FLOAT, DOUBLE -> throw new AssertionError(field + ": numbers are whole");
      case BYTE_STRING -> ByteString.copyFromUtf8(field.getName());
    };
  }

  @ParameterizedTest
  @MethodSource("names")
  void bytesAndMeaningStayTheSame(String name) throws IOException {
    Message message = filled(Control.getDescriptor().findMessageTypeByName(name));
    Path file = GOLDEN.resolve(name + ".txt");
    String now =
        HexFormat.of().formatHex(message.toByteArray())
            + "\n"
            + TextFormat.printer().printToString(message);
    if (Boolean.getBoolean("predump.golden.create") && !Files.exists(file)) {
      Files.createDirectories(GOLDEN);
      Files.writeString(file, now);
    }
    assertThat(now).isEqualTo(Files.readString(file));
  }
}
