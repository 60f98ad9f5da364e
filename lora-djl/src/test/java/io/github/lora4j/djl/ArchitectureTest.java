package io.github.lora4j.djl;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * Who may know whom: {@code djl.{train, generate, data} -> djl -> djl.model -> djl.layer ->
 * djl.internal -> core}. A package may know those further along, none before it.
 */
@AnalyzeClasses(
    packages = "io.github.lora4j.djl",
    importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {

  private static final String ROOT = "io.github.lora4j.djl";
  private static final String[] CORE = {
    "java..",
    "org.jspecify..",
    "org.slf4j..",
    "io.github.lora4j",
    "io.github.lora4j.spi",
    "io.github.lora4j.io",
    "io.github.lora4j.hub",
    "ai.djl..",
    "com.google.gson.."
  };

  @ArchTest
  static final ArchRule internalKnowsTheCoreOnly = knowsOnly(ROOT + ".internal..", "com.sun.jna..");

  @ArchTest
  static final ArchRule layersKnowInternalOnly = knowsOnly(ROOT + ".layer..", ROOT + ".internal..");

  @ArchTest
  static final ArchRule modelsKnowLayers =
      knowsOnly(ROOT + ".model..", ROOT + ".layer..", ROOT + ".internal..");

  @ArchTest
  static final ArchRule frontDoorKnowsModels =
      knowsOnly(ROOT, ROOT + ".model..", ROOT + ".layer..", ROOT + ".internal..");

  @ArchTest
  static final ArchRule blocksKnowInternalOnly = knowsOnly(ROOT + ".block..", ROOT + ".internal..");

  @ArchTest
  static final ArchRule dataKnowsTheFrontDoor =
      knowsOnly(ROOT + ".data..", ROOT, ROOT + ".internal..");

  @ArchTest
  static final ArchRule generationDoesNotKnowTraining =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".generate..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + ".train..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule trainingDoesNotKnowGeneration =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".train..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + ".generate..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule nativeCallsStandInInternalOnly =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + ".internal..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("ai.djl.pytorch..", "com.sun.jna..");

  @ArchTest
  static final ArchRule modelsAndLayersReadNoJsonThemselves =
      noClasses()
          .that()
          .resideInAnyPackage(ROOT, ROOT + ".model..", ROOT + ".layer..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.google.gson..");

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching(ROOT + ".(*)..").should().beFreeOfCycles();

  private static ArchRule knowsOnly(String where, String... others) {
    String[] allowed = new String[CORE.length + others.length + 1];
    allowed[0] = where;
    System.arraycopy(CORE, 0, allowed, 1, CORE.length);
    System.arraycopy(others, 0, allowed, CORE.length + 1, others.length);
    return classes()
        .that()
        .resideInAPackage(where)
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(allowed);
  }
}
