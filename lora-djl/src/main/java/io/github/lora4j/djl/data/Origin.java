package io.github.lora4j.djl.data;

import java.nio.file.Path;

/**
 * Where a record stands.
 *
 * @param file as it was given
 * @param line on which the record begins, from 1
 */
record Origin(Path file, int line) {

  @Override
  public String toString() {
    return file + ": line " + line;
  }
}
