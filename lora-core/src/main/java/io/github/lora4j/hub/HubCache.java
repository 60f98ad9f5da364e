package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory that all tools of the hub on a machine share: content under its hash in {@code
 * blobs}, commits by branch in {@code refs}, and in {@code snapshots} a directory for each commit
 * with links to the content.
 *
 * <pre>{@code
 * HubCache cache = HubCache.at(HubOptions.builder().build().cache());
 * Optional<Path> config = cache.file(HubRepository.model("me/x"), "main", "config.json");
 * }</pre>
 *
 * <p>Looking things up opens no connection and writes nothing. What a link leads to outside of the
 * cache counts as not there.
 *
 * @since 0.1.0
 */
public final class HubCache {

  private static final Logger LOG = LoggerFactory.getLogger(HubCache.class);

  /** More is no reference. */
  private static final int MOST_REF = 200;

  private static final String TAG_FILE = "CACHEDIR.TAG";

  /** Tells programs for backups that nothing here is precious. */
  private static final String TAG =
      """
      Signature: 8a477f597d28d172789f06886806bc55
      # The files here can be downloaded again; see https://bford.info/cachedir/
      """;

  private final Path root;
  private final boolean links;

  HubCache(Path root, boolean links) {
    this.root = root.toAbsolutePath().normalize();
    this.links = links;
  }

  /**
   * The cache in a directory.
   *
   * @param directory e.g. {@link HubOptions#cache()}; need not be there
   * @return the cache
   */
  public static HubCache at(Path directory) {
    return new HubCache(directory, true);
  }

  /**
   * Where the cache is.
   *
   * @return absolute
   */
  public Path root() {
    return root;
  }

  /**
   * The commit that a branch or a tag was at when it was last asked for.
   *
   * @param repository whose
   * @param revision branch, tag, or a full commit hash, which is its own answer
   * @return empty if it was never asked for
   * @throws IOException if the cache cannot be read
   */
  public Optional<String> commit(HubRepository repository, String revision) throws IOException {
    if (HubPath.isCommit(revision)) {
      return Optional.of(revision);
    }
    Path ref = ref(repository, revision);
    if (!Files.isRegularFile(ref) || !isInside(repository, ref) || Files.size(ref) > MOST_REF) {
      return Optional.empty();
    }
    String text = new String(Files.readAllBytes(ref), StandardCharsets.ISO_8859_1).strip();
    return Optional.of(text).filter(HubPath::isCommit);
  }

  /**
   * A file that is there.
   *
   * @param repository whose
   * @param revision branch, tag or full commit hash
   * @param name within the repository
   * @return its path below {@code snapshots}
   * @throws IOException if the cache cannot be read
   * @throws IllegalArgumentException if the name leads out of the repository
   */
  public Optional<Path> file(HubRepository repository, String revision, String name)
      throws IOException {
    HubPath.requireFile(name);
    Optional<String> commit = commit(repository, revision);
    if (commit.isEmpty()) {
      return Optional.empty();
    }
    Path pointer = pointer(repository, commit.get(), name);
    return Files.isRegularFile(pointer) && isInside(repository, pointer)
        ? Optional.of(pointer)
        : Optional.empty();
  }

  /** Names of the files of a commit that are there, in order. */
  List<String> names(HubRepository repository, String commit) throws IOException {
    Path directory = snapshot(repository, commit);
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    List<String> names = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : walk.filter(Files::isRegularFile).sorted().toList()) {
        String name = directory.relativize(path).toString().replace('\\', '/');
        if (isInside(repository, path) && HubPath.isFile(name)) {
          names.add(name);
        }
      }
    }
    return names;
  }

  /** Whether the repository was found to have no such file at this commit. */
  boolean isKnownMissing(HubRepository repository, String commit, String name) {
    return Files.isRegularFile(
        folder(repository).resolve(".no_exist").resolve(commit).resolve(name));
  }

  /** Where the files of a commit are or will be. */
  Path snapshot(HubRepository repository, String commit) {
    return folder(repository).resolve("snapshots").resolve(commit);
  }

  Path pointer(HubRepository repository, String commit, String name) {
    return below(snapshot(repository, commit), name);
  }

  Path blob(HubRepository repository, String etag) {
    return folder(repository).resolve("blobs").resolve(etag);
  }

  Path lock(HubRepository repository, String etag) {
    return root.resolve(".locks").resolve(repository.folder()).resolve(etag + ".lock");
  }

  private Path tree(HubRepository repository, String commit) {
    return folder(repository).resolve("trees").resolve(commit + ".json");
  }

  private Path ref(HubRepository repository, String revision) {
    return below(folder(repository).resolve("refs"), HubPath.requireRevision(revision));
  }

  private Path folder(HubRepository repository) {
    return root.resolve(repository.folder());
  }

  /** Names were checked before; this is the last look. */
  private static Path below(Path directory, String name) {
    try {
      Path path = directory.resolve(name).normalize();
      if (path.startsWith(directory) && !path.equals(directory)) {
        return path;
      }
      throw new IllegalArgumentException(
          "'%s' leads out of %s".formatted(HubText.printable(name), directory));
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(
          "'%s' is no name of a file on this system".formatted(HubText.printable(name)), e);
    }
  }

  /** Whether a file, links followed, is in the cache, or in the repository if that was moved. */
  private boolean isInside(HubRepository repository, Path file) throws IOException {
    try {
      Path real = file.toRealPath();
      return real.startsWith(root.toRealPath()) || real.startsWith(folder(repository).toRealPath());
    } catch (NoSuchFileException e) {
      return false; // gone in between
    }
  }

  /** Whether content is there, whole, and in the cache, where Python may link blobs together. */
  boolean hasBlob(RemoteFile file) throws IOException {
    Path blob = blob(file.repository(), file.etag());
    return Files.isRegularFile(blob)
        && Files.size(blob) == file.size()
        && isInside(file.repository(), blob);
  }

  /** What a commit consists of, if somebody asked before. */
  Optional<Map<String, TreeEntry>> listing(HubRepository repository, String commit)
      throws IOException {
    Path tree = tree(repository, commit);
    return Files.isRegularFile(tree) && isInside(repository, tree)
        ? TreeFile.read(tree)
        : Optional.empty();
  }

  /** Remembers what a commit consists of. */
  void writeListing(HubRepository repository, String commit, Map<String, TreeEntry> files)
      throws IOException {
    write(repository, tree(repository, commit), TreeFile.text(files));
  }

  /** Makes the directories that a download writes to. */
  void prepare(RemoteFile file) throws IOException {
    HubRepository repository = file.repository();
    Path pointer = pointer(repository, file.commit(), file.name());
    makeInside(repository, folder(repository).resolve("blobs"));
    makeInside(repository, lock(repository, file.etag()).resolveSibling(""));
    makeInside(repository, pointer.resolveSibling(""));
    Path tag = root.resolve(TAG_FILE);
    if (!Files.exists(tag)) {
      replace(tag, TAG);
    }
  }

  /** Makes a directory; one that is a link to elsewhere is not written to. */
  private void makeInside(HubRepository repository, Path directory) throws IOException {
    Files.createDirectories(root);
    Path there = directory;
    while (!Files.exists(there, LinkOption.NOFOLLOW_LINKS)) {
      there = there.resolveSibling("");
    }
    if (!isInside(repository, there)) {
      throw new HubException(
          HubException.Kind.REFUSED,
          "%s leads out of the cache by a link; remove it".formatted(there));
    }
    Files.createDirectories(directory);
  }

  /** Remembers where a branch or a tag is. */
  void writeRef(HubRepository repository, String revision, String commit) throws IOException {
    if (revision.equals(commit) || commit(repository, revision).equals(Optional.of(commit))) {
      return;
    }
    write(repository, ref(repository, revision), commit);
  }

  /** Remembers that a repository has no such file at a commit. */
  void writeMissing(HubRepository repository, String commit, String name) throws IOException {
    Path mark = below(folder(repository).resolve(".no_exist").resolve(commit), name);
    if (!Files.exists(mark)) {
      write(repository, mark, "");
    }
  }

  /** Puts content where the files of a commit are looked for. */
  void link(Path blob, Path pointer, boolean fresh) throws IOException {
    Files.deleteIfExists(pointer); // a link to what is no longer there
    CacheLinks.link(blob, pointer, links, fresh);
  }

  /** What is only remembered need not be, if the cache is somebody else's. */
  private void write(HubRepository repository, Path file, String text) throws IOException {
    try {
      makeInside(repository, file.resolveSibling(""));
      replace(file, text);
    } catch (AccessDeniedException | ReadOnlyFileSystemException e) {
      LOG.debug("hub cache {} is read-only; {} stays as it was", root, file);
    }
  }

  /** Writes a small file that readers see whole or not at all. */
  private static void replace(Path file, String text) throws IOException {
    Path aside =
        file.resolveSibling(
            "%s.%s.tmp"
                .formatted(file.getFileName(), UUID.randomUUID().toString().substring(0, 8)));
    try {
      Files.writeString(aside, text);
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(aside);
    }
  }
}
