package io.predump.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.predump.cli.Table.Column;
import io.predump.engine.TrackerPlan;
import io.predump.linux.Feature;
import io.predump.linux.KernelFeatures;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.ProcStatus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What the machine can do.
 *
 * @param kernelRelease the running kernel
 * @param architecture the processor architecture
 * @param features what was tried, and what came of it
 * @param tracker what {@code --tracker auto} takes here, and why
 */
record CheckReport(
    String kernelRelease, String architecture, List<Feature> features, TrackerPlan tracker) {
  private static final Table TABLE =
      new Table(List.of(Column.text("feature"), Column.text("here"), Column.text("reason")));

  CheckReport {
    features = List.copyOf(features);
  }

  /** Tries everything, in our own process. */
  static CheckReport probe() {
    KernelFeatures kernel = KernelFeatures.probe();
    List<Feature> features = new ArrayList<>(kernel.all());
    features.add(traceOthers());
    return new CheckReport(
        kernel.kernelRelease(), kernel.architecture(), features, TrackerPlan.automatic(kernel));
  }

  private static Feature traceOthers() {
    String name = "trace-other-users";
    try {
      return ProcStatus.read(Pid.self()).hasCapability(ProcStatus.CAP_SYS_PTRACE)
          ? new Feature(name, true, "CAP_SYS_PTRACE is held")
          : new Feature(name, false, "processes of other users need CAP_SYS_PTRACE");
    } catch (SyscallException e) {
      return new Feature(name, false, ErrorText.of(e));
    }
  }

  String text() {
    return "Linux "
        + kernelRelease
        + ", "
        + architecture
        + "\n\n"
        + TABLE.render(
            features.stream()
                .map(f -> List.of(f.name(), f.present() ? "yes" : "no", f.reason()))
                .toList())
        + "\n--tracker auto takes "
        + tracker.tracker().label()
        + ": "
        + tracker.reason()
        + "\nits cost: "
        + tracker.cost()
        + "\n";
  }

  void json(JsonGenerator json) throws IOException {
    json.writeStringField("kernelRelease", kernelRelease);
    json.writeStringField("architecture", architecture);
    json.writeArrayFieldStart("features");
    for (Feature f : features) {
      json.writeStartObject();
      json.writeStringField("name", f.name());
      json.writeBooleanField("present", f.present());
      json.writeStringField("reason", f.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeStringField("tracker", tracker.tracker().label());
    json.writeStringField("trackerReason", tracker.reason());
    json.writeStringField("trackerCost", tracker.cost());
  }
}
