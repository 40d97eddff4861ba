package io.predump.linux.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A C program of a test, compiled with {@code cc} into the temporary directory, once per content.
 *
 * @param executable the compiled program
 */
public record CProgram(Path executable) {
  /** Compiles a resource that lies beside {@code owner}. */
  public static CProgram resource(Class<?> owner, String name) {
    try (InputStream source = owner.getResourceAsStream(name)) {
      if (source == null) {
        throw new IllegalArgumentException("no such resource: " + name);
      }
      return compile(
          name.replaceAll("\\.c$", ""), new String(source.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Compiles a source, with further flags if wanted. */
  public static CProgram compile(String name, String source, String... flags) {
    try {
      Path directory =
          Path.of(
              System.getProperty("java.io.tmpdir"),
              "predump-test-programs-" + System.getProperty("user.name"));
      Files.createDirectories(directory);
      Path executable = directory.resolve(name + "-" + digest(source + String.join(" ", flags)));
      if (!Files.isExecutable(executable)) {
        Path work = Files.createTempDirectory(directory, name);
        Path file = Files.writeString(work.resolve(name + ".c"), source);
        Path output = work.resolve(name);
        List<String> command = new ArrayList<>(List.of("cc", "-O1", "-g", "-pthread", "-Wall"));
        command.addAll(List.of(flags));
        command.addAll(List.of("-o", output.toString(), file.toString()));
        run(command.toArray(String[]::new));
        Files.move(output, executable, StandardCopyOption.ATOMIC_MOVE);
        Files.delete(file);
        Files.delete(work);
      }
      return new CProgram(executable);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs it to its end and returns what it printed. */
  public String output(String... arguments) throws IOException {
    String[] command = new String[arguments.length + 1];
    command[0] = executable.toString();
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return run(command);
  }

  /** Runs it to its end and returns its {@code NAME VALUE} lines, values decimal or 0x hex. */
  public Map<String, Long> values(String... arguments) throws IOException {
    Map<String, Long> values = new TreeMap<>();
    for (String line : output(arguments).split("\n", -1)) {
      int space = line.indexOf(' ');
      if (space > 0) {
        String value = line.substring(space + 1).trim();
        values.put(
            line.substring(0, space),
            value.startsWith("0x")
                ? Long.parseUnsignedLong(value.substring(2), 16)
                : Long.parseLong(value));
      }
    }
    return values;
  }

  private static String run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      if (status != 0) {
        throw new IOException(String.join(" ", command) + ": status=" + status + "\n" + output);
      }
      return output;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static String digest(String source) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(source.getBytes(StandardCharsets.UTF_8));
      return new BigInteger(1, hash).toString(16).substring(0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
