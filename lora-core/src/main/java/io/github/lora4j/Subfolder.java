package io.github.lora4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Resolves names that come from requests and files, and must not lead out of a directory. */
final class Subfolder {

  private static final List<String> STEPS = List.of("", ".", "..");

  private Subfolder() {}

  /** The real path of a directory below the root. */
  static Path resolve(Path root, String name) throws IOException {
    if (!staysInside(name)) {
      throw new IllegalArgumentException(
          ("adapter '%s': wanted names below %s joined by '/', none of them '.' or '..',"
                  + " without backslashes and control characters")
              .formatted(printable(name), root));
    }
    Path realRoot = root.toRealPath();
    Path wanted = realRoot.resolve(name);
    if (!Files.isDirectory(wanted)) {
      throw new NoSuchFileException(
          root.resolve(name).toString(), null, "not a directory; there is no adapter of this name");
    }
    Path real = wanted.toRealPath();
    if (!real.startsWith(realRoot)) {
      throw new LoraException(
          "adapter '%s' leads out of %s by a symbolic link; put the adapter's files there"
              .formatted(name, root));
    }
    return real;
  }

  private static boolean staysInside(String name) {
    return name.indexOf('\\') < 0 // separates on Windows
        && name.chars().noneMatch(Character::isISOControl)
        && List.of(name.split("/", -1)).stream().noneMatch(STEPS::contains)
        && Path.of(name).getRoot() == null; // C:name
  }

  private static String printable(String name) {
    String shown = name.length() > 80 ? name.substring(0, 80) + "…" : name;
    return shown.replaceAll("\\p{Cntrl}", "?");
  }
}
