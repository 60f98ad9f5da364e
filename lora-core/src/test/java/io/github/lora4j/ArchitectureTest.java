package io.github.lora4j;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.stream.Stream;

/** Holds the arrows between the packages of the core. */
@AnalyzeClasses(packages = "io.github.lora4j", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

  @ArchTest
  static final ArchRule SPI_STANDS_ALONE =
      noClasses()
          .that()
          .resideInAPackage("io.github.lora4j.spi..")
          .should()
          .dependOnClassesThat(describe("are ours outside of spi", c -> isOurs(c, "spi")));

  @ArchTest
  static final ArchRule IO_STANDS_ALONE =
      noClasses()
          .that()
          .resideInAPackage("io.github.lora4j.io..")
          .should()
          .dependOnClassesThat(describe("are ours outside of io", c -> isOurs(c, "io")));

  @ArchTest
  static final ArchRule HUB_STANDS_ALONE =
      noClasses()
          .that()
          .resideInAPackage("io.github.lora4j.hub..")
          .should()
          .dependOnClassesThat(describe("are ours outside of hub", c -> isOurs(c, "hub")));

  @ArchTest
  static final ArchRule CORE_HAS_NO_TENSOR_LIBRARY =
      classes()
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "io.github.lora4j",
              "io.github.lora4j.spi..",
              "io.github.lora4j.io..",
              "io.github.lora4j.hub..",
              "java..",
              "javax.net.ssl..",
              "com.google.gson..",
              "org.slf4j..",
              "org.jspecify..");

  @ArchTest
  static final ArchRule NO_JSON_LIBRARY_IN_SIGNATURES =
      methods()
          .that()
          .areDeclaredInClassesThat(
              describe("are public", c -> c.getModifiers().contains(JavaModifier.PUBLIC)))
          .and(describe("are public or protected", ArchitectureTest::isVisible))
          .should(new NotNameTypesOf("com.google.gson"));

  @ArchTest
  static final ArchRule PACKAGES_HAVE_NO_CYCLES =
      slices().matching("io.github.lora4j.(**)").should().beFreeOfCycles();

  private static boolean isOurs(JavaClass type, String allowed) {
    String name = type.getPackageName();
    return name.startsWith("io.github.lora4j") && !name.startsWith("io.github.lora4j." + allowed);
  }

  private static boolean isVisible(JavaMethod method) {
    return method.getModifiers().contains(JavaModifier.PUBLIC)
        || method.getModifiers().contains(JavaModifier.PROTECTED);
  }

  private static final class NotNameTypesOf extends ArchCondition<JavaMethod> {
    private final String packageName;

    NotNameTypesOf(String packageName) {
      super("not name types of " + packageName);
      this.packageName = packageName;
    }

    @Override
    public void check(JavaMethod method, ConditionEvents events) {
      Stream.concat(method.getParameterTypes().stream(), Stream.of(method.getReturnType()))
          .flatMap(type -> type.getAllInvolvedRawTypes().stream())
          .filter(type -> type.getPackageName().startsWith(packageName))
          .forEach(
              type ->
                  events.add(
                      SimpleConditionEvent.violated(
                          method, method.getFullName() + " names " + type.getName())));
    }
  }
}
