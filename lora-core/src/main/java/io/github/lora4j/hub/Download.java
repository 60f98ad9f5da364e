package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads one file into the cache: goes on after a cut, checks length and hash, and makes nothing
 * visible before both are right.
 */
final class Download {

  private static final Logger LOG = LoggerFactory.getLogger(Download.class);

  /** Not a name of Python's, which would otherwise write into the same file. */
  private static final String INCOMPLETE = ".lora4j.incomplete";

  private static final Pattern RANGE = Pattern.compile("bytes (\\d+)-\\d+/(\\d+|\\*)");

  private final HubHttp http;
  private final HubCache cache;
  private final HubOptions options;
  private final RemoteFile file;
  private final Meter meter;

  /** Bytes that the meter waits for. */
  private long outstanding;

  Download(
      HubHttp http,
      HubCache cache,
      HubOptions options,
      RemoteFile file,
      Meter meter,
      long outstanding) {
    this.http = http;
    this.cache = cache;
    this.options = options;
    this.file = file;
    this.meter = meter;
    this.outstanding = outstanding;
  }

  /** Bytes of a file that an earlier download left behind. */
  static long present(HubCache cache, RemoteFile file) throws IOException {
    Path path = incomplete(cache, file);
    long size = Files.isRegularFile(path) ? Files.size(path) : 0;
    return size > file.size() ? 0 : size;
  }

  private static Path incomplete(HubCache cache, RemoteFile file) {
    Path blob = cache.blob(file.repository(), file.etag());
    return blob.resolveSibling(file.etag() + INCOMPLETE);
  }

  /** The file among those of its commit, loaded if it is not there. */
  Path run() throws IOException {
    Path pointer = cache.pointer(file.repository(), file.commit(), file.name());
    cache.prepare(file);
    try (HubLock lock = HubLock.take(cache.lock(file.repository(), file.etag()))) {
      if (cache.file(file.repository(), file.commit(), file.name()).isEmpty()) {
        Path blob = cache.blob(file.repository(), file.etag());
        boolean fresh = !cache.hasBlob(file);
        if (fresh) {
          receive(blob, lock.isExclusive());
          outstanding = 0;
        }
        cache.link(blob, pointer, fresh);
      }
    }
    meter.cameOtherwise(outstanding);
    meter.fileDone();
    return pointer;
  }

  private void receive(Path blob, boolean exclusive) throws IOException {
    Path path = incomplete(cache, file);
    if (!exclusive) {
      path = blob.resolveSibling("%s.%s.incomplete".formatted(file.etag(), UUID.randomUUID()));
    } else if (!Files.exists(path)) {
      adopt(blob.resolveSibling(file.etag() + ".incomplete"), path);
    }
    try (IncompleteFile into = IncompleteFile.open(path, file)) {
      boolean resumed = into.position() > 0;
      receive(into);
      if (!into.isRight() && resumed) {
        LOG.debug("hub {}: what an earlier download left is not right; from the start", file);
        restart(into);
        receive(into);
      }
      if (!into.isRight()) {
        into.restart();
        throw damaged("arrived with the right length and another hash than '" + file.etag() + "'");
      }
      into.moveTo(blob);
    } finally {
      if (!exclusive) {
        Files.deleteIfExists(path);
      }
    }
  }

  /** Older tools left their part under this name; it is copied, as they may still write to it. */
  private void adopt(Path left, Path path) throws IOException {
    if (Files.isRegularFile(left, LinkOption.NOFOLLOW_LINKS) && Files.size(left) <= file.size()) {
      Files.copy(left, path);
      meter.add(Files.size(path));
    }
  }

  private void restart(IncompleteFile into) throws IOException {
    meter.add(-into.position());
    into.restart();
  }

  /** Asks for the rest until all is there, or nothing more comes. */
  private void receive(IncompleteFile into) throws IOException {
    int failed = 0;
    while (into.position() < file.size()) {
      long before = into.position();
      try {
        attempt(into);
      } catch (HubException | InterruptedIOException | FileSystemException e) {
        throw e;
      } catch (IOException e) {
        failed = isProgress(into.position() - before, e) ? 1 : failed + 1;
        if (failed > options.retries()) {
          throw http.failures().unavailable(request(into.position()), e);
        }
        LOG.debug("hub {}: cut at byte {}, goes on", file, into.position());
        http.backoff().pause(HubBackoff.own(failed - 1));
      }
    }
  }

  /** Enough came to believe in the rest; who only drips is not waited for again and again. */
  private boolean isProgress(long bytes, IOException failure) {
    return bytes >= Math.max(1, Math.min(1 << 20, file.size() / 100))
        && !(failure instanceof Pace.TooSlow);
  }

  private HubRequest request(long from) {
    HubRequest request = HubRequest.get(http.address(file.address()));
    return from == 0 ? request : request.with("Range", "bytes=" + from + "-");
  }

  private void attempt(IncompleteFile into) throws IOException {
    try (HubReply reply = http.send(request(into.position()))) {
      if (reply.status() == 416) {
        restart(into);
        throw new IOException("the rest was refused");
      }
      http.failures().require(reply, file.subject());
      checkIdentity(reply);
      reply.refuseEncoding();
      if (into.position() > 0 && !isRest(reply, into.position())) {
        restart(into);
      }
      checkLength(reply, into.position());
      copy(reply, into);
    }
  }

  /** Refuses another commit or another content than the one that was listed. */
  private void checkIdentity(HubReply reply) throws HubException {
    Optional<String> commit = reply.hubHeader("X-Repo-Commit");
    if (commit.isPresent() && !commit.get().equals(file.commit())) {
      throw new HubException(
          Kind.REFUSED,
          "%s: the hub answers with commit '%s'; a snapshot is of one commit, load again"
              .formatted(file.subject(), HubText.printable(commit.get())));
    }
    Optional<String> etag = reply.hubHeader("X-Linked-Etag").map(HubText::bareTag);
    if (etag.isPresent() && !etag.get().equals(file.etag())) {
      throw new HubException(
          Kind.REFUSED,
          "%s: the hub listed it with hash '%s' and now names '%s'; load again"
              .formatted(file.subject(), file.etag(), HubText.printable(etag.get())));
    }
  }

  private boolean isRest(HubReply reply, long from) {
    Matcher range = RANGE.matcher(reply.header("Content-Range").orElse(""));
    return reply.status() == 206
        && range.matches()
        && range.group(1).equals(String.valueOf(from))
        && (range.group(2).equals("*") || range.group(2).equals(String.valueOf(file.size())));
  }

  private void checkLength(HubReply reply, long from) throws HubException {
    long wanted = file.size() - from;
    if ((reply.status() == 206 && from == 0) || reply.length().orElse(wanted) != wanted) {
      throw damaged(
          "should bring %d bytes and is announced with %s"
              .formatted(wanted, reply.header("Content-Length").orElse("a part of them")));
    }
  }

  private void copy(HubReply reply, IncompleteFile into) throws IOException {
    Pace pace = new Pace(options.time());
    for (List<ByteBuffer> part = next(reply); !part.isEmpty(); part = next(reply)) {
      long came = 0;
      for (ByteBuffer buffer : part) {
        int count = buffer.remaining();
        if (into.position() + count > file.size()) {
          restart(into);
          throw damaged("brings more than its " + file.size() + " bytes");
        }
        into.write(buffer);
        meter.add(count);
        came += count;
      }
      pace.came(came);
    }
    if (into.position() < file.size()) {
      throw new IOException("ends at byte " + into.position());
    }
  }

  private static List<ByteBuffer> next(HubReply reply) throws IOException {
    return reply.body().next();
  }

  private HubException damaged(String how) {
    return new HubException(
        Kind.DAMAGED,
        "%s %s; nothing of it was kept, load again, and if it stays so ask who runs %s"
            .formatted(file.subject(), how, options.endpoint()));
  }
}
