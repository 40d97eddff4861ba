package io.predump.cli;

import io.predump.criu.CriuProgram;
import io.predump.criu.PrivateDirectory;
import io.predump.daemon.SessionLimits;
import io.predump.daemon.rpc.ImageForm;
import io.predump.linux.Fd;
import io.predump.linux.net.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** {@code predump swrk}: CRIU's RPC on a socket that is inherited. */
final class SwrkCommand extends Command {
  private final PositionalParamSpec fd =
      PositionalParamSpec.builder()
          .paramLabel("FD")
          .index("0")
          .arity("1")
          .type(Integer.class)
          .description("An inherited socket of type SOCK_SEQPACKET.")
          .build();
  private final OptionSpec criu = criuOption();
  private final OptionSpec images = RpcImages.option();

  SwrkCommand(Terminal terminal) {
    super(
        terminal,
        "swrk",
        "Serves CRIU's RPC on an inherited socket, as criu swrk does; ends with its client.",
        "predump swrk 3");
    spec().addPositional(fd).addOption(criu).addOption(images);
  }

  /** {@return the option that names the real criu} */
  static OptionSpec criuOption() {
    return OptionSpec.builder("--criu")
        .paramLabel("PATH")
        .type(Path.class)
        .description(
            "The real criu, 4.0 or newer (default: "
                + CriuProgram.VARIABLE
                + ", else the first criu on PATH).")
        .build();
  }

  @Override
  public Integer call() throws IOException {
    int number = fd.getValue();
    // looked at before it is owned: another number might be the JVM's own
    Path link = Path.of("/proc/self/fd/" + number);
    if (number < 0 || !Files.exists(link, LinkOption.NOFOLLOW_LINKS) || !isSocket(link)) {
      throw usage("FD: " + number + " is no inherited socket");
    }
    boolean well;
    try (UnixSocket socket = UnixSocket.adopt(Fd.adopt(number, "fd " + number))) {
      if (!socket.is(UnixSocket.Type.SEQPACKET)) {
        throw usage("FD: " + number + " is no socket of type SOCK_SEQPACKET");
      }
      well = serve(socket);
    }
    if (json()) {
      Json.print(terminal().out(), fields -> fields.writeBooleanField("success", well));
    }
    return well ? ExitCodes.DONE : ExitCodes.FAILURE;
  }

  private static boolean isSocket(Path link) throws IOException {
    return Files.readSymbolicLink(link).toString().startsWith("socket:");
  }

  private boolean serve(UnixSocket socket) throws IOException {
    try (PrivateDirectory directory = PrivateDirectory.make("predump-rpc-");
        RpcHost host =
            RpcHost.begin(
                SessionLimits.DEFAULT,
                directory.path().resolve("chains"),
                Optional.ofNullable(criu.<Path>getValue()),
                form());
        Interruption.Scope scope = terminal().interruption().stopBy(socket::shutdown)) {
      return host.service().serve(socket);
    }
  }

  private ImageForm form() {
    try {
      return RpcImages.parse(images.getValue());
    } catch (IllegalArgumentException e) {
      throw usage(RpcImages.OPTION + ": " + e.getMessage());
    }
  }
}
