package io.predump.junit;

import io.predump.criu.PrivateDirectory;
import io.predump.linux.Pid;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One target from start to end: its processes, its files, its load. */
final class RunningTarget {
  static final Duration END = Duration.ofSeconds(10);

  private final String name;
  private final int port;
  private final PrivateDirectory work;
  private final List<Load> loads = new ArrayList<>();
  private @Nullable PrivateDirectory images;
  private int imagesTaken;
  private @Nullable TargetProcesses processes;

  private RunningTarget(String name, int port, PrivateDirectory work) {
    this.name = name;
    this.port = port;
    this.work = work;
  }

  /** Makes its directory and chooses its port; nothing runs yet. */
  static RunningTarget prepare(String name) throws IOException {
    try (ServerSocket free = new ServerSocket(0)) {
      return new RunningTarget(name, free.getLocalPort(), PrivateDirectory.make("predump-junit-"));
    }
  }

  void start(List<String> command, Map<String, String> environment) throws IOException {
    processes = TargetProcesses.start(work.path(), resolve(command), environment);
  }

  /** {@return the words with {@code {directory}} and {@code {port}} replaced} */
  List<String> resolve(List<String> words) {
    return words.stream()
        .map(word -> word.replace("{port}", Integer.toString(port)))
        .map(word -> word.replace("{directory}", work.path().toString()))
        .toList();
  }

  TargetProcesses processes() {
    if (processes == null) {
      throw new IllegalStateException(name + ": not started yet");
    }
    return processes;
  }

  Pid pid() {
    return processes().root();
  }

  int port() {
    return port;
  }

  Path directory() {
    return work.path();
  }

  /** {@return it, for a message} */
  String description() {
    return "pid=" + pid() + " (" + name + ")";
  }

  /** {@return what it printed last, to be put behind a message} */
  String lastWords() {
    return TargetProcesses.lastWords(work.path());
  }

  Load add(Load load) {
    loads.add(load);
    return load;
  }

  void requireLoads() throws InterruptedException {
    for (Load load : loads) {
      load.requireWorking();
    }
  }

  void forgetEndedLoads() {
    loads.removeIf(load -> !load.works());
  }

  /** {@return a directory for images that does not exist yet} */
  Path newImages() throws IOException {
    PrivateDirectory parent = images;
    if (parent == null) {
      parent = PrivateDirectory.make("predump-images-");
      images = parent;
    }
    return parent.path().resolve(Integer.toString(++imagesTaken));
  }

  /** {@return where images are that nobody else will remove; null if there are none} */
  @Nullable Path temporaryImages() {
    return images != null && Files.exists(images.path()) ? images.path() : null;
  }

  /** Ends load and processes and removes the files, images only if wanted. */
  void end(boolean keepImages) throws IOException, InterruptedException {
    try {
      for (Load load : loads) {
        load.close();
      }
      if (processes != null) {
        processes.kill(END);
      }
    } finally {
      work.close();
      if (images != null && !keepImages) {
        images.close();
      }
    }
  }
}
