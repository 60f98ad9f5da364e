package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote down. */
final class Version implements IVersionProvider {

  private static final String FILE = "version.txt";

  @Override
  public String[] getVersion() throws IOException {
    try (InputStream text = Version.class.getResourceAsStream(FILE)) {
      if (text == null) {
        throw new LoraException("the class path has no " + FILE + "; build with Maven");
      }
      return new String[] {new String(text.readAllBytes(), StandardCharsets.UTF_8).strip()};
    }
  }
}
