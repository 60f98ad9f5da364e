package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much room there is, so that tests can fill a disk. */
@FunctionalInterface
interface HubDisk {

  /** The machine's. */
  HubDisk SYSTEM = directory -> Files.getFileStore(directory).getUsableSpace();

  /** Bytes that can still be written where a directory is. */
  long usable(Path directory) throws IOException;
}
