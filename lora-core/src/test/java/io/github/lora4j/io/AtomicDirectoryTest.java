package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicDirectoryTest {

  private static final String KEY = "config.json";

  @TempDir Path directory;

  @Test
  void newDirectoryHasAllFilesAndNothingElse() throws IOException {
    write(directory.resolve("a/b"), Map.of(KEY, "1", "weights", "2"));

    assertThat(contents(directory.resolve("a/b"))).isEqualTo(Map.of(KEY, "1", "weights", "2"));
    assertThat(directory.resolve("a").toFile().list()).containsExactly("b");
  }

  @Test
  void filesOfAnOlderSaveGoAndOthersStay() throws IOException {
    Path target = Files.createDirectory(directory.resolve("a"));
    Files.writeString(target.resolve("notes.txt"), "mine");
    write(target, Map.of(KEY, "1", "weights-1", "2", "weights-2", "3"));

    write(target, Map.of(KEY, "4", "weights", "5"));

    assertThat(contents(target)).isEqualTo(Map.of(KEY, "4", "weights", "5", "notes.txt", "mine"));
  }

  @Test
  void failureInTheContentLeavesTheDirectoryAsItWas() throws IOException {
    Path target = directory.resolve("a");
    write(target, Map.of(KEY, "1", "weights", "2"));

    for (Path place : List.of(target, directory.resolve("new"))) {
      assertThatThrownBy(
              () ->
                  AtomicDirectory.write(
                      place,
                      "a thing",
                      KEY,
                      name -> true,
                      aside -> {
                        Files.writeString(aside.resolve(KEY), "half");
                        throw new IOException("disk full");
                      }))
          .hasMessage("disk full");
    }

    assertThat(contents(target)).isEqualTo(Map.of(KEY, "1", "weights", "2"));
    assertThat(directory.toFile().list()).containsExactly("a");
  }

  @Test
  void failureWhileReplacingPutsTheOldFilesBack() throws IOException {
    Path target = directory.resolve("a");
    write(target, Map.of(KEY, "1", "weights", "2", "outdated", "3"));
    Path aside = Files.createDirectory(directory.resolve("aside")); // lacks the key file
    Files.writeString(aside.resolve("weights"), "new");

    assertThatThrownBy(
            () ->
                AtomicDirectory.replace(
                    aside, target, List.of("weights", KEY), name -> name.equals("outdated")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(KEY);

    assertThat(contents(target)).isEqualTo(Map.of(KEY, "1", "weights", "2", "outdated", "3"));
  }

  @Test
  void fileInPlaceOfTheDirectoryIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("a"), "kept");

    assertThatThrownBy(() -> write(file, Map.of(KEY, "1")))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": is a file, wanted a directory to save a thing in");
  }

  private static void write(Path target, Map<String, String> files) throws IOException {
    AtomicDirectory.write(
        target,
        "a thing",
        KEY,
        name -> name.startsWith("weights"),
        aside -> {
          for (Map.Entry<String, String> file : files.entrySet()) {
            Files.writeString(aside.resolve(file.getKey()), file.getValue());
          }
        });
  }

  private static Map<String, String> contents(Path directory) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        contents.put(
            file.toFile().getName(),
            new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
      }
    }
    return contents;
  }
}
