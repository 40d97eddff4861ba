package io.predump.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** The program. */
public final class Main {
  private Main() {}

  /** Runs a command and exits with its exit code. */
  public static void main(String[] args) {
    boolean interactive = Terminal.isTerminal(1) && Terminal.isTerminal(2);
    PrintStream out = utf8(FileDescriptor.out);
    PrintStream err = utf8(FileDescriptor.err);
    int exitCode = run(args, out, err, interactive);
    System.exit(exitCode);
  }

  /**
   * Runs a command without ending the JVM.
   *
   * @param out takes results
   * @param err takes progress, warnings and errors
   * @return the exit code
   */
  public static int run(String[] args, PrintStream out, PrintStream err) {
    return run(args, out, err, false);
  }

  /** {@return the version of the program} */
  static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  private static int run(String[] args, PrintStream out, PrintStream err, boolean interactive) {
    try (Interruption interruption = Interruption.begin()) {
      return run(args, new Terminal(out, err, interactive, interruption));
    } finally {
      out.flush();
      err.flush();
    }
  }

  private static int run(String[] args, Terminal terminal) {
    return run(args, terminal, commands(terminal));
  }

  /** Runs one of the commands. Errors are failures too: picocli hands on exceptions only. */
  static int run(String[] args, Terminal terminal, List<Command> commands) {
    CommandLine root = new CommandLine(rootSpec(terminal));
    for (Command command : commands) {
      CommandSpec spec = command.completeSpec();
      root.addSubcommand(spec.name(), new CommandLine(spec));
    }
    boolean json = Arrays.asList(args).contains("--json");
    root.setOut(writer(terminal.out()));
    root.setErr(writer(terminal.err()));
    root.setParameterExceptionHandler((e, arguments) -> failed(terminal, json, e));
    root.setExecutionExceptionHandler((e, line, parsed) -> failed(terminal, json, e));
    try {
      return root.execute(args);
    } catch (Error e) {
      return failed(terminal, json, e);
    }
  }

  private static List<Command> commands(Terminal terminal) {
    return List.of(
        new CheckCommand(terminal),
        new ProbeCommand(terminal),
        new RunCommand(terminal),
        new ShowCommand(terminal),
        new VerifyCommand(terminal),
        new ExportCommand(terminal),
        new RestoreCommand(terminal),
        new DemoCommand(terminal),
        new DaemonCommand(terminal),
        new AttachCommand(terminal),
        new RoundCommand(terminal),
        new FinishCommand(terminal),
        new StatusCommand(terminal),
        new ListCommand(terminal),
        new WatchCommand(terminal),
        new DetachCommand(terminal),
        new ServiceCommand(terminal),
        new SwrkCommand(terminal));
  }

  private static CommandSpec rootSpec(Terminal terminal) {
    CommandSpec[] self = new CommandSpec[1];
    Callable<Integer> withoutCommand =
        () -> {
          self[0].commandLine().usage(terminal.err());
          throw new ParameterException(self[0].commandLine(), "which command?");
        };
    CommandSpec spec = CommandSpec.wrapWithoutInspection(withoutCommand);
    self[0] = spec;
    spec.name("predump").version("predump " + version());
    spec.addOption(
        OptionSpec.builder("-h", "--help")
            .type(boolean.class)
            .usageHelp(true)
            .description("Show this help.")
            .build());
    spec.addOption(
        OptionSpec.builder("-V", "--version")
            .type(boolean.class)
            .versionHelp(true)
            .description("Show the version.")
            .build());
    spec.usageMessage()
        .description("Copies the memory of live Linux processes without freezing them.")
        .descriptionHeading("%n")
        .optionListHeading("%nOptions:%n")
        .synopsisSubcommandLabel("COMMAND")
        .commandListHeading("%nCommands:%n")
        .footer(
            "",
            "Example:",
            "  predump run -t 1234 -D /var/tmp/images --verify",
            "",
            "Exit codes:",
            "  0  done",
            "  1  failure",
            "  2  usage",
            "  3  the target exited or executed another program",
            "  4  kernel or permission lacking",
            "  5  image corrupt, unsupported, or of another process",
            "  6  verification found differences",
            "  130, 143  ended by SIGINT, SIGTERM: the round under way is dropped, the target goes on")
        .width(100);
    return spec;
  }

  /** One line for people, one object for machines. */
  private static int failed(Terminal terminal, boolean json, Throwable failure) {
    int exitCode = ExitCodes.of(failure);
    String text = ErrorText.of(failure);
    terminal.err().println("predump: " + text);
    if (failure instanceof ParameterException usage) {
      String name = usage.getCommandLine().getCommandSpec().qualifiedName();
      terminal.err().println("try: " + name + " --help");
    }
    if ("1".equals(System.getenv("PREDUMP_DEBUG"))) {
      failure.printStackTrace(terminal.err());
    }
    if (json) {
      Json.print(
          terminal.out(),
          fields -> {
            fields.writeStringField("error", text);
            fields.writeNumberField("exitCode", exitCode);
          });
    }
    terminal.err().flush();
    return exitCode;
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }

  /** The JVM's own streams follow the locale, in which there may be no µ. */
  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }
}
