package io.github.lora4j.djl.jinja;

/** Text being written, by the template or by a block whose text is kept. */
final class Output {

  private final StringBuilder text = new StringBuilder();
  private final Run run;

  Output(Run run) {
    this.run = run;
  }

  void add(String piece) {
    run.charge(piece.length());
    text.append(piece);
  }

  int length() {
    return text.length();
  }

  String text() {
    return text.toString();
  }
}
