package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedFilesTest {

  private static final String FOLDER = "io/github/lora4j/examples/";

  private final Path directory;

  EmbeddedFilesTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @Test
  void missingFileIsNamed() {
    EmbeddedFiles none = new EmbeddedFiles("none", List.of("x.json"));

    assertThatThrownBy(none::directory)
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("none/x.json");
  }

  @Test
  void filesOfJarAreUnpacked() throws Exception {
    Path jar = directory.resolve("examples.jar");
    try (OutputStream bytes = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (String type : List.of(FOLDER + "EmbeddedFiles", "io/github/lora4j/LoraException")) {
        entry(zip, type + ".class", bytesOf(type + ".class"));
      }
      entry(zip, FOLDER + "probe/a.txt", new byte[] {1, 2, 3});
    }
    URL[] onlyTheJar = {jar.toUri().toURL()};
    try (URLClassLoader loader =
        new URLClassLoader(onlyTheJar, ClassLoader.getPlatformClassLoader())) {
      Path unpacked = directoryOf(loader, "probe", List.of("a.txt"));

      assertThat(unpacked.resolve("a.txt")).hasBinaryContent(new byte[] {1, 2, 3});
    }
  }

  private static Path directoryOf(ClassLoader loader, String folder, List<String> names)
      throws ReflectiveOperationException {
    Class<?> type = loader.loadClass("io.github.lora4j.examples.EmbeddedFiles");
    Constructor<?> constructor = type.getDeclaredConstructor(String.class, List.class);
    constructor.setAccessible(true);
    Method method = type.getDeclaredMethod("directory");
    method.setAccessible(true);
    return (Path) method.invoke(constructor.newInstance(folder, names));
  }

  private static byte[] bytesOf(String resource) throws IOException {
    try (InputStream bytes =
        EmbeddedFilesTest.class.getClassLoader().getResourceAsStream(resource)) {
      assertThat(bytes).isNotNull();
      return bytes.readAllBytes();
    }
  }

  private static void entry(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(bytes);
    zip.closeEntry();
  }
}
