package io.github.lora4j.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Brings large files to the hub's store by git's protocol for them: the hub names addresses of
 * another host, which get the content and never the token.
 *
 * @see <a href="https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md">Batch API</a>
 */
final class LargeFiles {

  private static final String MEDIA_TYPE = "application/vnd.git-lfs+json";
  private static final int CHUNK = 256;

  private final PushCalls calls;
  private final HubSubject subject;
  private final boolean pullRequest;

  LargeFiles(PushCalls calls, HubSubject subject, boolean pullRequest) {
    this.calls = calls;
    this.subject = subject;
    this.pullRequest = pullRequest;
  }

  void upload(List<UploadFile> files, Meter meter) throws IOException {
    for (int from = 0; from < files.size(); from += CHUNK) {
      List<UploadFile> chunk = files.subList(from, Math.min(from + CHUNK, files.size()));
      Map<String, UploadFile> byHash = new LinkedHashMap<>(); // two files of one content go once
      chunk.forEach(file -> byHash.putIfAbsent(file.sha256(), file));
      Map<String, JsonReply> answers = batch(byHash);
      for (UploadFile file : chunk) {
        JsonReply answer = answers.get(file.sha256());
        if (answer == null) {
          throw refusal(file, "does not say where to put it");
        }
        Moved moved = new Moved(meter);
        if (file.equals(byHash.get(file.sha256()))) {
          upload(file, answer, moved);
        }
        moved.accept(file.size()); // also what was there
        meter.fileDone();
      }
    }
  }

  /** Tells a meter what came on; what is sent again goes back first. */
  private static final class Moved implements LongConsumer {
    private final Meter meter;
    private long last;

    Moved(Meter meter) {
      this.meter = meter;
    }

    @Override
    public synchronized void accept(long sent) {
      meter.add(sent - last);
      last = sent;
    }
  }

  private Map<String, JsonReply> batch(Map<String, UploadFile> files) throws IOException {
    JsonArray objects = new JsonArray();
    for (UploadFile file : files.values()) {
      objects.add(identity(file));
    }
    JsonArray transfers = new JsonArray();
    transfers.add("basic");
    transfers.add("multipart");
    JsonObject question = PushCalls.object(Map.of("operation", "upload", "hash_algo", "sha256"));
    question.add("transfers", transfers);
    question.add("objects", objects);
    if (!pullRequest) { // who opens one need not have the right to write to the branch
      question.add("ref", PushCalls.object(Map.of("name", calls.options().revision())));
    }
    String path = subject.repository().web() + ".git/info/lfs/objects/batch";
    HubRequest request =
        HubRequest.post(calls.address(path), MEDIA_TYPE, question.toString())
            .with("Accept", MEDIA_TYPE);
    Map<String, JsonReply> answers = new LinkedHashMap<>();
    for (JsonReply answer : calls.json(request, subject).objects("objects")) {
      answers.put(answer.requireText("oid"), answer);
    }
    return answers;
  }

  private static JsonObject identity(UploadFile file) {
    JsonObject object = new JsonObject();
    object.addProperty("oid", file.sha256());
    object.addProperty("size", file.size());
    return object;
  }

  private void upload(UploadFile file, JsonReply answer, LongConsumer meter) throws IOException {
    Optional<JsonReply> failed = answer.object("error");
    if (failed.isPresent()) {
      throw refusal(file, "does not take it: " + failed.get().text("message").orElse("no reason"));
    }
    Optional<JsonReply> actions = answer.object("actions");
    Optional<JsonReply> action = actions.flatMap(found -> found.object("upload"));
    if (action.isEmpty()) {
      return; // the store has it
    }
    URI target = target(action.get());
    Optional<JsonReply> header = action.get().object("header");
    Optional<String> partSize = header.flatMap(found -> found.text("chunk_size"));
    try (FileChannel channel = FileChannel.open(file.path(), StandardOpenOption.READ)) {
      if (partSize.isPresent()) {
        List<URI> parts = parts(file, header.orElseThrow(), partSize.get());
        long size = Long.parseLong(partSize.get());
        complete(file, target, new Parts(calls, subject, file, channel, size).put(parts, meter));
      } else {
        calls.send(
            HubRequest.put(target, FileSlice.body(channel, 0, file.size(), meter)),
            subject.file(file.name()));
      }
    }
    file.requireUnchanged();
    Optional<JsonReply> verify = actions.flatMap(found -> found.object("verify"));
    if (verify.isPresent()) {
      verify(
          file, HubRequest.post(target(verify.get()), PushCalls.JSON, identity(file).toString()));
    }
  }

  /** Asks whether the store has what was sent. */
  private void verify(UploadFile file, HubRequest request) throws IOException {
    try (HubReply reply = calls.http().send(request)) {
      if (reply.status() == 404 || reply.status() == 422) {
        throw refusal(file, "does not find it as it was sent" + HubFailures.said(reply));
      }
      if (!reply.isOk()) {
        throw calls.http().failures().of(reply, subject.file(file.name()));
      }
    }
  }

  /** A store is on any host, but not behind a weaker protocol. */
  private URI target(JsonReply action) throws IOException {
    String href = action.requireText("href");
    return HubAddress.redirect(
        calls.options().endpoint(), HubAddress.throughMirror(href, calls.options().endpoint()));
  }

  private List<URI> parts(UploadFile file, JsonReply header, String partSize) throws IOException {
    if (!partSize.matches("[1-9]\\d{0,17}")) {
      throw refusal(file, "wants parts of '" + partSize + "' bytes");
    }
    long size = Long.parseLong(partSize);
    long count = (file.size() + size - 1) / size;
    List<String> numbers = header.names().stream().filter(n -> n.matches("\\d{1,9}")).toList();
    if (numbers.size() != count) {
      throw refusal(file, "names %d addresses for %d parts".formatted(numbers.size(), count));
    }
    URI[] parts = new URI[(int) count];
    for (String number : numbers) {
      int at = Integer.parseInt(number) - 1;
      if (at < 0 || at >= parts.length || parts[at] != null) {
        throw refusal(file, "has no part number " + number);
      }
      parts[at] = HubAddress.redirect(calls.options().endpoint(), header.requireText(number));
    }
    return List.of(parts);
  }

  private void complete(UploadFile file, URI target, JsonArray parts) throws IOException {
    JsonObject body = PushCalls.object(Map.of("oid", file.sha256()));
    body.add("parts", parts);
    calls.send(
        HubRequest.post(target, MEDIA_TYPE, body.toString()).with("Accept", MEDIA_TYPE),
        subject.file(file.name()));
  }

  private HubException refusal(UploadFile file, String what) {
    return new HubException(
        Kind.REFUSED,
        "%s: the hub's store %s".formatted(subject.file(file.name()), HubText.printable(what)));
  }
}
