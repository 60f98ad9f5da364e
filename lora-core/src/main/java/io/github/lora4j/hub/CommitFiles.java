package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of one commit: what they are, and those that are missing brought into the cache. */
final class CommitFiles {

  private static final Logger LOG = LoggerFactory.getLogger(CommitFiles.class);

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
    Optional<Map<String, TreeEntry>> known = cache.listing(repository, commit);
    if (known.isPresent()) {
      return known.get();
    }
    if (options.offline()) {
      throw finder.notCached(repository, List.of());
    }
    Map<String, TreeEntry> files = listing.files(repository, commit);
    cache.writeListing(repository, commit, files);
    return files;
  }

  /** Names of all files, or of those that are cached, if that is all that can be known. */
  List<String> names(HubRepository repository, String commit) throws IOException {
    boolean unknown = options.offline() && cache.listing(repository, commit).isEmpty();
    List<String> cached = unknown ? cache.names(repository, commit) : List.of();
    if (!cached.isEmpty()) {
      return cached;
    }
    List<String> names = new ArrayList<>();
    for (String name : list(repository, commit).keySet()) {
      if (HubPath.isFile(name)) {
        names.add(name);
      } else {
        LOG.warn("{} has a file '{}', which is left out", repository, HubText.printable(name));
      }
    }
    return names;
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
    HubRepository repository = missing.get(0).repository();
    Map<String, List<RemoteFile>> byContent = new LinkedHashMap<>();
    for (RemoteFile file : missing) {
      byContent.computeIfAbsent(file.etag(), etag -> new ArrayList<>()).add(file);
    }
    long total = 0;
    long present = 0;
    Map<String, Long> outstanding = new HashMap<>();
    for (List<RemoteFile> same : byContent.values()) {
      RemoteFile file = same.get(0);
      if (!cache.hasBlob(file)) {
        long there = Download.present(cache, file);
        total = Math.min(total + file.size(), RemoteFile.MOST_BYTES);
        present += there;
        outstanding.put(file.etag(), file.size() - there);
      }
    }
    requireRoom(repository, total - present);
    Meter meter =
        new Meter(repository, all, all - missing.size(), total, present, options, progress);
    List<Callable<Path>> tasks = new ArrayList<>();
    for (List<RemoteFile> same : byContent.values()) {
      long wanted = outstanding.getOrDefault(same.get(0).etag(), 0L);
      tasks.add(() -> loadSame(same, wanted, meter));
    }
    Parallel.run(tasks, options.parallelDownloads());
  }

  /** The first brings the content, the others link to it. */
  private Path loadSame(List<RemoteFile> same, long outstanding, Meter meter) throws IOException {
    Path path = new Download(http, cache, options, same.get(0), meter, outstanding).run();
    for (RemoteFile file : same.subList(1, same.size())) {
      path = new Download(http, cache, options, file, meter, 0).run();
    }
    return path;
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
