package io.predump.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final Pattern NAME = Pattern.compile("predump_[a-z_]+");

  @Test
  void everyMetricHasHelpAndTypeAndTheTextIsWellFormed() {
    String text = new Metrics().text();
    Set<String> declared =
        text.lines()
            .filter(line -> line.startsWith("# TYPE "))
            .map(line -> line.split(" ", -1)[2])
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(declared).hasSize(16);
    assertThat(text.lines().filter(line -> line.startsWith("# HELP "))).hasSize(16);
    assertThat(text.lines().filter(line -> !line.startsWith("#")))
        .allSatisfy(
            line -> assertThat(line).matches("predump_[a-z_]+(\\{[a-z]+=\"[^\"]*\"\\})? -?\\d+"));
    assertThat(text).endsWith("\n");
  }

  @Test
  void theDashboardShowsMetricsThatThereAre() throws IOException {
    String known = new Metrics().text();
    Set<String> shown = names(resource("/dist/grafana-dashboard.json"));
    assertThat(shown).hasSizeGreaterThan(10);
    assertThat(shown).allSatisfy(name -> assertThat(known).contains(name));
  }

  @Test
  void theUnitStartsTheDaemonWithOptionsThatThereAre() throws IOException {
    String unit = resource("/dist/predump.service");
    assertThat(unit).contains("Type=notify", "SuccessExitStatus=143", "NoNewPrivileges=yes");
    String start =
        Arrays.stream(unit.split("\n", -1))
            .filter(line -> line.startsWith("ExecStart="))
            .findFirst()
            .orElseThrow();
    assertThat(start).endsWith(" daemon --state-dir ${STATE_DIRECTORY} $PREDUMP_OPTIONS");
  }

  @Test
  void whatStrangersChoseIsOneQuotedWordInTheLog() {
    assertThat(Quoted.of("a b")).isEqualTo("\"a b\"");
    assertThat(Quoted.of("x\nlevel=INFO event=\"forged\"\u001b[2J\u202e"))
        .isEqualTo("\"x?level=INFO event=\\\"forged\\\"?[2J?\"");
    assertThat(Quoted.of("y".repeat(500))).hasSize(405);
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = MetricsTest.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Set<String> names(String text) {
    Set<String> names = new TreeSet<>();
    Matcher name = NAME.matcher(text);
    while (name.find()) {
      names.add(name.group());
    }
    return names;
  }
}
