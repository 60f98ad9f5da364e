package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Files that the examples carry on the class path. Weights are mapped into memory, which only files
 * on a disk can be: a class path that is a jar is unpacked aside and deleted at exit.
 *
 * @param folder beside this class
 * @param names of the files in it
 */
record EmbeddedFiles(String folder, List<String> names) {

  /** A tiny BLOOM in the layout of Hugging Face. */
  static final EmbeddedFiles BASE =
      new EmbeddedFiles(
          "base",
          List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"));

  /** Own-written questions in the layout of SQuAD v2.0. */
  static final EmbeddedFiles SQUAD =
      new EmbeddedFiles("squad", List.of("train-v2.0.json", "heldout-v2.0.json"));

  /** An adapter that writes marketing e-mails. */
  static final EmbeddedFiles MAIL_ADAPTER =
      new EmbeddedFiles("mail", List.of("adapter_config.json", "adapter_model.safetensors"));

  /** What that adapter was trained on. */
  static final EmbeddedFiles MAILS = new EmbeddedFiles("mail", List.of("mails.jsonl"));

  /**
   * The directory that holds the files.
   *
   * @throws LoraException if the class path lacks one
   * @throws IOException if unpacking fails
   */
  Path directory() throws IOException {
    URL first = url(names.get(0));
    if (!first.getProtocol().equals("file")) {
      return unpack();
    }
    try {
      Path file = Path.of(first.toURI());
      return file.resolveSibling(".").normalize();
    } catch (URISyntaxException e) {
      throw new LoraException("the class path entry %s is no file name".formatted(first), e);
    }
  }

  private Path unpack() throws IOException {
    Path directory = Files.createTempDirectory("lora4j-" + folder);
    directory.toFile().deleteOnExit(); // deletes in reverse order: the files first
    for (String name : names) {
      Path file = directory.resolve(name);
      file.toFile().deleteOnExit();
      try (InputStream bytes = url(name).openStream()) {
        Files.copy(bytes, file);
      }
    }
    return directory;
  }

  private URL url(String name) {
    URL url = EmbeddedFiles.class.getResource(folder + "/" + name);
    if (url == null) {
      throw new LoraException(
          "the class path has no %s/%s beside %s; wanted the whole lora-examples jar"
              .formatted(folder, name, EmbeddedFiles.class.getName()));
    }
    return url;
  }
}
