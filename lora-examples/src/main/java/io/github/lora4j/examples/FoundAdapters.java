package io.github.lora4j.examples;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where adapters are.
 *
 * @param root what was searched
 * @param adapters directories with one, in the order of their names
 * @param configurations files in the root itself, if it is no adapter's directory
 */
record FoundAdapters(Path root, List<Path> adapters, List<Path> configurations) {

  private static final List<String> FILES =
      List.of("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin");

  /** Links to directories are not followed, so that the search ends. */
  static FoundAdapters below(Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      throw new NoSuchFileException(
          root.toString(), null, "not a directory; wanted one to look for adapters in");
    }
    List<Path> adapters = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            if (isAdapter(directory)) {
              adapters.add(directory);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException failure) {
            adapters.add(file); // the check will say why it cannot be read
            return FileVisitResult.CONTINUE;
          }
        });
    Collections.sort(adapters);
    return new FoundAdapters(root, adapters, isAdapter(root) ? List.of() : jsonFiles(root));
  }

  private static boolean isAdapter(Path directory) {
    return FILES.stream().anyMatch(file -> Files.exists(directory.resolve(file)));
  }

  private static List<Path> jsonFiles(Path root) throws IOException {
    try (Stream<Path> files = Files.list(root)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  /** What a table calls a directory or file that was found. */
  String nameOf(Path found) {
    Path name = found.equals(root) ? root.toAbsolutePath().normalize().getFileName() : null;
    return name == null ? root.relativize(found).toString() : name.toString();
  }
}
