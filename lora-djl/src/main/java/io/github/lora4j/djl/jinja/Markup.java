package io.github.lora4j.djl.jinja;

/** Text that counts as HTML: plain text that is added to it by {@code +} is escaped. */
record Markup(String text) {

  static String escape(String plain) {
    Work.pay(6L * plain.length());
    return plain
        .replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }
}
