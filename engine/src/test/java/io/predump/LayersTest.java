package io.predump;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may know whom. Each rule is shown to be able to fail. */
final class LayersTest {
  private static final ImportOption MAIN_CLASSES =
      location -> !location.contains("test-classes") && !location.contains("-tests.jar");

  private static final JavaClasses CLASSES =
      new ClassFileImporter().withImportOption(MAIN_CLASSES).importPackages("io.predump");

  /** What each layer may use of the others. */
  private static final Map<String, Set<String>> MAY_USE =
      Map.of(
          "linux", Set.of(),
          "proto", Set.of(),
          "images", Set.of("proto"),
          "engine", Set.of("images", "proto", "linux"),
          "criu", Set.of("engine", "images", "proto", "linux"),
          "daemon", Set.of("criu", "engine", "images", "proto", "linux"),
          "junit", Set.of("criu", "engine", "images", "linux"),
          "cli", Set.of("daemon", "criu", "engine", "images", "proto", "linux"));

  /** Libraries that few may touch. */
  private static final Map<String, Set<String>> LIBRARY_ONLY_IN =
      Map.of(
          "com.sun.jna..", Set.of("linux"),
          "com.google.protobuf..", Set.of("proto", "images", "daemon", "criu"),
          "com.github.luben..", Set.of("images"),
          "picocli..", Set.of("cli"),
          "org.slf4j..", Set.of("engine", "daemon", "criu", "cli"),
          "ch.qos.logback..", Set.of("cli"),
          "org.junit..", Set.of("junit"),
          "org.opentest4j..", Set.of("junit"));

  @ParameterizedTest
  @ValueSource(strings = {"linux", "proto", "images", "engine", "criu", "daemon", "junit", "cli"})
  void aLayerUsesOnlyTheLayersBelowIt(String layer) {
    for (String other : MAY_USE.keySet()) {
      if (!other.equals(layer) && !Objects.requireNonNull(MAY_USE.get(layer)).contains(other)) {
        mayNotUse(layer, other).check(CLASSES);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "proto", "images", "engine", "criu", "daemon", "junit", "cli"})
  void everyConstrainedLayerExists(String layer) {
    assertThat(in(layer)).isNotEmpty();
  }

  /** The control: a rule against what is allowed, and done, is broken. */
  @ParameterizedTest
  @ValueSource(
      strings = {"engine>linux", "engine>images", "images>proto", "cli>engine", "junit>engine"})
  void theRuleSeesADependencyWhereThereIsOne(String pair) {
    String[] layers = pair.split(">", -1);

    assertThat(mayNotUse(layers[0], layers[1]).evaluate(CLASSES).hasViolation()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "com.sun.jna..",
        "com.google.protobuf..",
        "com.github.luben..",
        "picocli..",
        "org.slf4j..",
        "ch.qos.logback..",
        "org.junit..",
        "org.opentest4j.."
      })
  void aLibraryIsUsedOnlyWhereItBelongs(String library) {
    onlyIn(library, Objects.requireNonNull(LIBRARY_ONLY_IN.get(library))).check(CLASSES);
  }

  /** The control: forbidden everywhere, the rule is broken by whoever may use it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "com.sun.jna..",
        "com.google.protobuf..",
        "com.github.luben..",
        "picocli..",
        "org.junit..",
        "org.opentest4j.."
      })
  void theRuleSeesALibraryWhereItIsUsed(String library) {
    assertThat(onlyIn(library, Set.of("nowhere")).evaluate(CLASSES).hasViolation()).isTrue();
  }

  @Test
  void noTwoLayersKnowEachOther() {
    slices().matching("io.predump.(*)..").should().beFreeOfCycles().check(CLASSES);
    assertThat(CLASSES.stream().map(JavaClass::getPackageName).distinct().count()).isGreaterThan(5);
  }

  private static List<JavaClass> in(String layer) {
    String name = "io.predump." + layer;
    return CLASSES.stream()
        .filter(c -> c.getPackageName().equals(name) || c.getPackageName().startsWith(name + "."))
        .toList();
  }

  private static ArchRule mayNotUse(String layer, String other) {
    return noClasses()
        .that()
        .resideInAPackage("io.predump." + layer + "..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.predump." + other + "..")
        .allowEmptyShould(true);
  }

  private static ArchRule onlyIn(String library, Set<String> layers) {
    return noClasses()
        .that()
        .resideOutsideOfPackages(
            layers.stream().map(layer -> "io.predump." + layer + "..").toArray(String[]::new))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(library);
  }
}
