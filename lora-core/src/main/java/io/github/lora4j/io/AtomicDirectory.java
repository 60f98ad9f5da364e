package io.github.lora4j.io;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Writes the files of a directory so that all are there or none. They are made aside; a new
 * directory then appears by one rename. Where a directory stands already, the file without which it
 * means nothing goes first and comes last, so that even a process killed in between leaves no
 * mixture that would load. Files of other names stay.
 *
 * @since 0.1.0
 */
public final class AtomicDirectory {

  /** Makes the files. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes all files.
     *
     * @param aside an empty directory
     * @throws IOException if writing fails
     */
    void writeInto(Path aside) throws IOException;
  }

  private AtomicDirectory() {}

  /**
   * Writes a directory.
   *
   * @param directory made if it is not there
   * @param what what is saved in it, for messages, e.g. {@code an adapter}
   * @param key name of the file without which the directory means nothing
   * @param outdated names of files of an older save that must not stay beside the new ones
   * @param content writes the files, the key file among them
   * @throws IOException if writing fails; the directory is then as it was
   */
  public static void write(
      Path directory, String what, String key, Predicate<String> outdated, Content content)
      throws IOException {
    Path target = directory.toAbsolutePath().normalize();
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new FileSystemException(
          target.toString(), null, "is a file, wanted a directory to save %s in".formatted(what));
    }
    Path parent = target.getParent();
    // inside of a directory that is there: its parent may not be ours to write
    Path place = parent == null || Files.exists(target) ? target : parent;
    Files.createDirectories(place);
    Path aside = Files.createTempDirectory(place, ".incomplete");
    try {
      content.writeInto(aside);
      List<String> files = keyLast(namesIn(aside), key);
      checkReplaceable(target, files);
      if (place.equals(target)) {
        replace(aside, target, files, outdated);
      } else {
        aside.toFile().setReadable(true, false);
        aside.toFile().setExecutable(true, false);
        Files.move(aside, target);
      }
      AtomicFile.syncDirectory(place);
    } finally {
      delete(aside);
    }
  }

  private static List<String> namesIn(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> Objects.requireNonNull(file.getFileName()).toString())
          .sorted()
          .toList();
    }
  }

  private static List<String> keyLast(List<String> names, String key) {
    List<String> ordered = new ArrayList<>(names);
    if (ordered.remove(key)) {
      ordered.add(key);
    }
    return ordered;
  }

  private static void checkReplaceable(Path target, List<String> files) throws IOException {
    for (String file : files) {
      if (Files.isDirectory(target.resolve(file))) {
        throw new FileSystemException(
            target.resolve(file).toString(), null, "is a directory, wanted a file to replace");
      }
    }
  }

  /** Puts the new files in the place of the old ones, or, if that fails, the old ones back. */
  static void replace(Path aside, Path target, List<String> files, Predicate<String> outdated)
      throws IOException {
    Path old = Files.createDirectory(aside.resolve("old"));
    List<String> going =
        new ArrayList<>(
            namesIn(target).stream()
                .filter(name -> outdated.test(name) || files.contains(name))
                .toList());
    going.sort((one, other) -> Integer.compare(files.indexOf(other), files.indexOf(one)));
    List<String> taken = new ArrayList<>();
    List<String> put = new ArrayList<>();
    try {
      for (String file : going) {
        Files.move(target.resolve(file), old.resolve(file));
        taken.add(file);
      }
      for (String file : files) {
        Files.move(aside.resolve(file), target.resolve(file));
        put.add(file);
      }
    } catch (IOException e) {
      for (String file : put) {
        Files.delete(target.resolve(file));
      }
      Collections.reverse(taken);
      for (String file : taken) {
        Files.move(old.resolve(file), target.resolve(file));
      }
      throw e;
    }
    for (String file : taken) {
      Files.delete(old.resolve(file));
    }
  }

  /** What could not be put back stays where it is. */
  private static void delete(Path aside) throws IOException {
    if (!Files.exists(aside)) {
      return;
    }
    for (String file : namesIn(aside)) {
      Files.delete(aside.resolve(file));
    }
    try {
      Files.deleteIfExists(aside.resolve("old"));
      Files.delete(aside);
    } catch (DirectoryNotEmptyException e) {
      throw new IOException("%s holds files that could not be put back".formatted(aside), e);
    }
  }
}
