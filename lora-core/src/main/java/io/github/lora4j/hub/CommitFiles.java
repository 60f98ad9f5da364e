package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/** The files of one commit: what they are, and those that are missing brought into the cache. */
final class CommitFiles {

  /** Room that shall be left for others when a download is done, bytes. */
  private static final long SPARE = 16L << 20;

  private final HubOptions options;
  private final HubCache cache;
  private final HubHttp http;
  private final Listing listing;
  private final CommitFinder finder;
  private final HubDisk disk;

  CommitFiles(
      HubOptions options,
      HubCache cache,
      HubHttp http,
      Listing listing,
      CommitFinder finder,
      HubDisk disk) {
    this.options = options;
    this.cache = cache;
    this.http = http;
    this.listing = listing;
    this.finder = finder;
    this.disk = disk;
  }

  /** All files by name; asked for once, as a commit never changes. */
  Map<String, TreeEntry> list(HubRepository repository, String commit) throws IOException {
    Path tree = cache.tree(repository, commit);
    Optional<Map<String, TreeEntry>> known = TreeFile.read(tree);
    if (known.isPresent()) {
      return known.get();
    }
    if (options.offline()) {
      throw finder.notCached(repository, List.of());
    }
    Map<String, TreeEntry> files = listing.files(repository, commit);
    TreeFile.write(tree, files);
    return files;
  }

  /**
   * Brings files into the cache.
   *
   * @param files all of the commit
   * @param names those wanted
   * @param before how many files were brought for the same purpose before
   */
  void fetch(
      HubRepository repository,
      String commit,
      Map<String, TreeEntry> files,
      List<String> names,
      int before,
      Consumer<HubProgress> progress)
      throws IOException {
    List<RemoteFile> missing = new ArrayList<>();
    for (String name : names) {
      TreeEntry entry = files.get(name);
      if (entry == null) {
        throw new HubException(
            Kind.FILE_NOT_FOUND,
            "%s at '%s' has no file '%s', which its index names"
                .formatted(repository, commit, HubText.printable(name)));
      }
      RemoteFile file = RemoteFile.of(repository, commit, name, entry.etag(), entry.size());
      if (cache.file(repository, commit, name).isEmpty()) {
        missing.add(file);
      }
    }
    if (options.offline() && !missing.isEmpty()) {
      throw finder.notCached(repository, missing.stream().map(RemoteFile::name).toList());
    }
    load(missing, before + names.size(), progress);
  }

  /**
   * Loads files that are not there.
   *
   * @param all how many there are with those that were there before
   */
  void load(List<RemoteFile> missing, int all, Consumer<HubProgress> progress) throws IOException {
    if (missing.isEmpty()) {
      return;
    }
    long total = 0;
    long present = 0;
    for (RemoteFile file : missing) {
      if (!Files.isRegularFile(cache.blob(file.repository(), file.etag()))) {
        total += file.size();
        present += Download.present(cache, file);
      }
    }
    requireRoom(missing.get(0).repository(), total - present);
    Meter meter =
        new Meter(
            missing.get(0).repository(),
            all,
            all - missing.size(),
            total,
            present,
            options,
            progress);
    List<Callable<Path>> tasks = new ArrayList<>();
    for (RemoteFile file : missing) {
      tasks.add(new Download(http, cache, options, file, meter)::run);
    }
    Parallel.run(tasks, options.parallelDownloads());
  }

  private void requireRoom(HubRepository repository, long wanted) throws IOException {
    Files.createDirectories(cache.root());
    long usable = disk.usable(cache.root());
    if (usable < wanted + SPARE) {
      throw new HubException(
          Kind.DISK_FULL,
          "%s needs %s more in %s, where %s are free; make room, or set another cache by HF_HUB_CACHE or HubOptions.cache"
              .formatted(repository, HubText.bytes(wanted), cache.root(), HubText.bytes(usable)));
    }
  }
}
