package io.github.lora4j.djl.data;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubException;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubPatterns;
import io.github.lora4j.hub.HubRepository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A dataset repository of the hub, of which JSON, JSON lines and CSV files are read. They are
 * loaded into the cache that the hub's tools share, so they are loaded once.
 *
 * <pre>{@code
 * TextDataset train = HubDataset.of("org/questions", HubOptions.builder().build())
 *     .text("data/train-*.jsonl");
 * }</pre>
 *
 * @since 0.1.0
 */
public final class HubDataset {

  /** What the tools of the hub write beside the records. */
  private static final Set<String> ABOUT =
      Set.of("dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json");

  private final HubRepository repository;
  private final HubClient client;

  private HubDataset(HubRepository repository, HubClient client) {
    this.repository = repository;
    this.client = client;
  }

  /**
   * A dataset of the hub. Opens nothing yet.
   *
   * @param id {@code org/name}
   * @param options the revision, the directory within the repository, the cache
   * @return the dataset
   * @throws IllegalArgumentException if the id is none
   */
  public static HubDataset of(String id, HubOptions options) {
    return new HubDataset(HubRepository.dataset(id), HubClient.of(options));
  }

  /**
   * The files that can be read.
   *
   * @return names within the repository, or within the options' subfolder, in order
   * @throws io.github.lora4j.hub.HubException if the hub cannot list them
   * @throws IOException if the cache cannot be read
   */
  public List<String> files() throws IOException {
    return client.list(repository).stream().filter(HubDataset::isReadable).sorted().toList();
  }

  /**
   * Reads records. If no file is named, there must be only one: nobody wants to train on the
   * questions of a test.
   *
   * @param patterns names, in which {@code *} stands for any characters
   * @return the records of all files that match, in the order of their names
   * @throws NoSuchFileException if none matches, with those that can be read
   * @throws io.github.lora4j.hub.HubException if the hub cannot give them
   * @throws IOException if one cannot be read
   * @throws io.github.lora4j.LoraException if one is laid out otherwise, with the line
   * @throws IllegalArgumentException if no file is named and there are several
   */
  public TextDataset text(String... patterns) throws IOException {
    return TextDataset.read(load(patterns));
  }

  /**
   * Reads conversations, choosing the files as {@link #text} does.
   *
   * @param patterns names, in which {@code *} stands for any characters
   * @return the conversations of all files that match, in the order of their names
   * @throws NoSuchFileException if none matches, with those that can be read
   * @throws io.github.lora4j.hub.HubException if the hub cannot give them
   * @throws IOException if one cannot be read
   * @throws io.github.lora4j.LoraException if one is laid out otherwise, with the line
   * @throws IllegalArgumentException if no file is named and there are several
   */
  public ChatDataset chat(String... patterns) throws IOException {
    return ChatDataset.read(load(patterns));
  }

  private List<Path> load(String... patterns) throws IOException {
    HubPatterns wanted = HubPatterns.of(patterns.length == 0 ? onlyFile() : patterns);
    Path directory = snapshot(wanted, patterns);
    try (Stream<Path> found = Files.exists(directory) ? Files.walk(directory) : Stream.empty()) {
      List<Path> files =
          found
              .filter(Files::isRegularFile)
              .filter(file -> isWanted(directory.relativize(file), wanted))
              .sorted()
              .toList();
      if (files.isEmpty()) {
        throw noSuchFile(patterns);
      }
      return files;
    }
  }

  private Path snapshot(HubPatterns wanted, String... patterns) throws IOException {
    try {
      return client.snapshot(repository, wanted);
    } catch (HubException e) {
      if (e.kind() == HubException.Kind.FILE_NOT_FOUND) {
        throw (NoSuchFileException) noSuchFile(patterns).initCause(e);
      }
      throw e;
    }
  }

  private NoSuchFileException noSuchFile(String... patterns) throws IOException {
    return new NoSuchFileException(
        String.join(", ", patterns),
        null,
        "no such file in %s; it has %s".formatted(repository, files()));
  }

  private static boolean isWanted(Path file, HubPatterns wanted) {
    String name = file.toString().replace('\\', '/');
    return isReadable(name) && wanted.matches(name);
  }

  private String[] onlyFile() throws IOException {
    List<String> all = files();
    if (all.isEmpty()) {
      throw new NoSuchFileException(
          repository.toString(),
          null,
          "has no .json, .jsonl, .ndjson or .csv file; it has %s"
              .formatted(client.list(repository)));
    }
    if (all.size() > 1) {
      throw new IllegalArgumentException(
          "%s has several files, name those to read: %s".formatted(repository, all));
    }
    return new String[] {escaped(all.get(0))};
  }

  /** A name as a pattern that means it. */
  private static String escaped(String name) {
    return name.replaceAll("([\\[*?])", "[$1]");
  }

  private static boolean isReadable(String name) {
    String last = Objects.requireNonNull(Path.of(name).getFileName()).toString();
    return RecordFile.known(name) && !ABOUT.contains(last);
  }

  /**
   * Which dataset this is.
   *
   * @return e.g. {@code dataset 'org/questions'}
   */
  @Override
  public String toString() {
    return repository.toString();
  }
}
