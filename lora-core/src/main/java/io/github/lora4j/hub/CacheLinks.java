package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes content appear among the files of a commit: by a link, or where there are none by a file.
 */
final class CacheLinks {

  private static final Logger LOG = LoggerFactory.getLogger(CacheLinks.class);

  private CacheLinks() {}

  /**
   * Links content.
   *
   * @param links whether to try links at all
   * @param fresh whether the content was just loaded, so that nothing else can refer to it: without
   *     links it is moved then, which saves its room
   */
  static void link(Path blob, Path pointer, boolean links, boolean fresh) throws IOException {
    if (links && madeLink(blob, pointer)) {
      return;
    }
    if (fresh) {
      Files.move(blob, pointer, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Path aside = pointer.resolveSibling("." + UUID.randomUUID() + ".incomplete");
    try {
      Files.copy(blob, aside);
      Files.move(aside, pointer, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(aside);
    }
  }

  /** Relative, so that a cache can be moved. */
  private static boolean madeLink(Path blob, Path pointer) throws IOException {
    try {
      Files.createSymbolicLink(pointer, pointer.resolveSibling("").relativize(blob));
      return true;
    } catch (FileAlreadyExistsException e) {
      return true; // another process of another tool was faster; the name means this content
    } catch (UnsupportedOperationException | FileSystemException e) {
      LOG.debug("no links in {}: {}", pointer, e.getMessage());
      return false;
    }
  }
}
