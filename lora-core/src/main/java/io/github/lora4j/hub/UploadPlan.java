package io.github.lora4j.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How each file goes to the hub, as the hub wants it.
 *
 * @param inline inside of the commit
 * @param large through the store of large files, before the commit
 */
record UploadPlan(List<UploadFile> inline, List<UploadFile> large) {

  /** Files that are asked about at once. */
  private static final int CHUNK = 256;

  /** The hub takes 10 MB inside of a commit; one that wants more wants too much memory. */
  private static final long MOST_INLINE = 64L << 20;

  /** Copies the lists. */
  UploadPlan {
    inline = List.copyOf(inline);
    large = List.copyOf(large);
  }

  boolean isEmpty() {
    return inline.isEmpty() && large.isEmpty();
  }

  /** Asks the hub; files that it has already in just this form are in neither list. */
  static UploadPlan ask(
      PushCalls calls, HubRepository repository, List<UploadFile> files, boolean pullRequest)
      throws IOException {
    List<UploadFile> inline = new ArrayList<>();
    List<UploadFile> large = new ArrayList<>();
    String revision = calls.options().revision();
    HubSubject subject = HubSubject.of(repository).at(revision);
    String path =
        "%s/preupload/%s%s"
            .formatted(
                repository.api(), HubText.segment(revision), pullRequest ? "?create_pr=1" : "");
    for (int from = 0; from < files.size(); from += CHUNK) {
      List<UploadFile> chunk = files.subList(from, Math.min(from + CHUNK, files.size()));
      JsonReply answer = calls.post(path, question(chunk), subject);
      Map<String, JsonReply> byName = new HashMap<>();
      for (JsonReply file : answer.objects("files")) {
        byName.put(file.requireText("path"), file);
      }
      for (UploadFile file : chunk) {
        JsonReply wish = byName.get(file.name());
        if (wish == null) {
          throw answer.refusal("the hub does not say how it wants '" + file.name() + "'");
        }
        sort(file, wish, repository, inline, large);
      }
    }
    return new UploadPlan(inline, large);
  }

  private static JsonObject question(List<UploadFile> files) throws IOException {
    JsonArray list = new JsonArray();
    for (UploadFile file : files) {
      JsonObject one = new JsonObject();
      one.addProperty("path", file.name());
      one.addProperty("sample", Base64.getEncoder().encodeToString(file.sample()));
      one.addProperty("size", file.size());
      list.add(one);
    }
    JsonObject question = new JsonObject();
    question.add("files", list);
    return question;
  }

  private static void sort(
      UploadFile file,
      JsonReply wish,
      HubRepository repository,
      List<UploadFile> inline,
      List<UploadFile> large)
      throws IOException {
    if (wish.flag("shouldIgnore")) {
      throw new HubException(
          Kind.CONFLICT,
          "the .gitignore of %s leaves out '%s', which is to be pushed; change it there"
              .formatted(repository, file.name()));
    }
    String mode = wish.requireText("uploadMode");
    boolean isLarge = mode.equals("lfs") && file.size() > 0; // stores take no empty files
    if (!isLarge && !mode.equals("regular") && !mode.equals("lfs")) {
      throw wish.refusal(
          "the hub wants '%s' by a way unknown here, '%s'".formatted(file.name(), mode));
    }
    if (!isLarge && file.size() > MOST_INLINE) {
      throw wish.refusal(
          "the hub wants '%s', %s, inside of a commit"
              .formatted(file.name(), HubText.bytes(file.size())));
    }
    Optional<String> known = wish.text("oid");
    if (!known.equals(Optional.of(isLarge ? file.sha256() : file.gitHash()))) {
      (isLarge ? large : inline).add(file);
    }
  }
}
