package io.github.lora4j.djl.data;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.github.lora4j.LoraException;
import io.github.lora4j.io.JsonReason;
import java.io.EOFException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads SQuAD v1.1 and v2.0 JSON token by token; only the examples are held in memory. */
final class SquadReader {

  private static final int LISTED = 5;

  private final Path file;
  private final JsonReader json;
  private final List<SquadExample> examples = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();

  private SquadReader(Path file, JsonReader json) {
    this.file = file;
    this.json = json;
  }

  static List<SquadExample> read(Path file) throws IOException {
    try (Reader text = Files.newBufferedReader(file);
        JsonReader json = new JsonReader(text)) {
      json.setStrictness(Strictness.STRICT);
      return new SquadReader(file, json).read();
    }
  }

  private List<SquadExample> read() throws IOException {
    try {
      boolean found = false;
      json.beginObject();
      while (json.hasNext()) {
        if (json.nextName().equals("data")) {
          found = true;
          array(this::article);
        } else {
          json.skipValue();
        }
      }
      json.endObject();
      if (!found) {
        throw new LoraException(file + ": has no 'data'; wanted the layout of SQuAD");
      }
      if (json.peek() != JsonToken.END_DOCUMENT) { // a strict reader already complains here
        throw new LoraException(file + ": something follows the JSON object");
      }
    } catch (MalformedJsonException
        | EOFException
        | IllegalStateException
        | NumberFormatException e) {
      throw new LoraException(
          "%s: at %s: wanted the layout of SQuAD, %s"
              .formatted(file, json.getPath(), JsonReason.of(e)),
          e);
    } catch (CharacterCodingException e) {
      throw new LoraException("%s: after %s: no UTF-8 text".formatted(file, json.getPath()), e);
    }
    if (!problems.isEmpty()) {
      int listed = Math.min(LISTED, problems.size());
      throw new LoraException(
          "%s: %s: %s"
              .formatted(
                  file,
                  problems.size() == 1 ? "1 problem" : problems.size() + " problems, the first",
                  String.join("; ", problems.subList(0, listed))));
    }
    return examples;
  }

  /** Reads one element of an array. */
  private interface Element {
    void read() throws IOException;
  }

  private void array(Element element) throws IOException {
    json.beginArray();
    while (json.hasNext()) {
      element.read();
    }
    json.endArray();
  }

  private void article() throws IOException {
    String where = json.getPath();
    boolean found = false;
    String title = "";
    int first = examples.size();
    json.beginObject();
    while (json.hasNext()) {
      switch (json.nextName()) {
        case "title" -> title = json.nextString();
        case "paragraphs" -> {
          found = true;
          array(this::paragraph);
        }
        default -> json.skipValue();
      }
    }
    json.endObject();
    if (!found) {
      problems.add(where + " has no 'paragraphs'");
    }
    String known = title;
    examples.subList(first, examples.size()).replaceAll(example -> withTitle(example, known));
  }

  private static SquadExample withTitle(SquadExample e, String title) {
    return new SquadExample(
        e.id(),
        title,
        e.context(),
        e.question(),
        e.answers(),
        e.impossible(),
        e.plausibleAnswers());
  }

  /** The context may stand after its questions, so they wait for it. */
  private void paragraph() throws IOException {
    String where = json.getPath();
    String context = null;
    boolean found = false;
    List<SquadExample> questions = new ArrayList<>();
    json.beginObject();
    while (json.hasNext()) {
      switch (json.nextName()) {
        case "context" -> context = json.nextString();
        case "qas" -> {
          found = true;
          array(() -> questions.add(question()));
        }
        default -> json.skipValue();
      }
    }
    json.endObject();
    if (context == null || !found) {
      problems.add("%s has no '%s'".formatted(where, context == null ? "context" : "qas"));
      return;
    }
    for (SquadExample question : questions) {
      SquadExample example =
          new SquadExample(
              question.id(),
              "",
              context,
              question.question(),
              question.answers(),
              question.impossible(),
              question.plausibleAnswers());
      example.answers().forEach(answer -> check(example, answer));
      example.plausibleAnswers().forEach(answer -> check(example, answer));
      examples.add(example);
    }
  }

  private SquadExample question() throws IOException {
    String where = json.getPath();
    String id = null;
    String question = null;
    boolean impossible = false;
    List<SquadExample.Answer> answers = new ArrayList<>();
    List<SquadExample.Answer> plausible = new ArrayList<>();
    json.beginObject();
    while (json.hasNext()) {
      switch (json.nextName()) {
        case "id" -> id = json.nextString();
        case "question" -> question = json.nextString();
        case "is_impossible" -> impossible = json.nextBoolean();
        case "answers" -> array(() -> answers.add(answer()));
        case "plausible_answers" -> array(() -> plausible.add(answer()));
        default -> json.skipValue();
      }
    }
    json.endObject();
    if (id == null || question == null) {
      problems.add("%s has no '%s'".formatted(where, id == null ? "id" : "question"));
    } else if (!ids.add(id)) {
      problems.add("%s: id '%s' stands twice".formatted(where, id));
    }
    if (impossible && !answers.isEmpty()) {
      problems.add("%s: question '%s' is impossible but has answers".formatted(where, id));
    }
    return new SquadExample(
        String.valueOf(id), "", "", String.valueOf(question), answers, impossible, plausible);
  }

  private SquadExample.Answer answer() throws IOException {
    String where = json.getPath();
    String text = null;
    int start = -1;
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      if (name.equals("text")) {
        text = json.nextString();
      } else if (name.equals("answer_start") && json.peek() == JsonToken.NUMBER) {
        start = json.nextInt();
      } else {
        json.skipValue();
      }
    }
    json.endObject();
    if (text == null || start < 0) {
      problems.add("%s: an answer needs 'text' and 'answer_start'".formatted(where));
    }
    return new SquadExample.Answer(String.valueOf(text), Math.max(0, start));
  }

  private void check(SquadExample example, SquadExample.Answer answer) {
    String context = example.context();
    int codePoints = context.codePointCount(0, context.length());
    boolean stands =
        answer.start() <= codePoints
            && context.startsWith(answer.text(), context.offsetByCodePoints(0, answer.start()));
    if (!stands) {
      problems.add(
          "question '%s': answer '%s' does not stand at code point %d of its context"
              .formatted(example.id(), answer.text(), answer.start()));
    }
  }
}
