package io.github.lora4j.djl.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into text and the tokens of its tags, with the white space rules that
 * transformers sets: the line break after a block tag goes, and the indentation before one.
 */
final class Lexer {

  private static final String SPACE = "[" + PythonText.SPACES + "]*";
  private static final Pattern RAW =
      Pattern.compile("\\{%([-+]?)" + SPACE + "raw" + SPACE + "(?:-%\\}" + SPACE + "|%\\})");
  private static final Pattern END_RAW =
      Pattern.compile(
          "\\{%([-+]?)" + SPACE + "endraw" + SPACE + "(?:\\+%\\}|-%\\}" + SPACE + "|%\\}\\n?)");
  private static final Pattern COMMENT_END = Pattern.compile("\\+#\\}|-#\\}" + SPACE + "|#\\}\\n?");
  private static final Pattern BLOCK_END = Pattern.compile("\\+%\\}|-%\\}" + SPACE + "|%\\}\\n?");
  private static final Pattern VARIABLE_END = Pattern.compile("-\\}\\}" + SPACE + "|\\}\\}");
  private static final Pattern NUMBER =
      Pattern.compile("\\d[\\d_]*(?:\\.\\d[\\d_]*)?(?:[eE][+-]?\\d[\\d_]*)?");
  private static final Set<String> LONG_OPERATORS = Set.of("==", "!=", ">=", "<=", "//", "**");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted; // characters whose line breaks are in line
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        add(Token.Kind.DATA, source.substring(at));
        at = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      Matcher raw = RAW.matcher(source).region(tag, source.length());
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      text(tag, kind != '{', sign);
      if (kind == '#') {
        at = find(COMMENT_END, "a comment");
      } else if (kind == '%' && raw.lookingAt()) {
        raw(raw.end());
      } else {
        tag(kind, sign);
      }
      lineStarting = source.charAt(at - 1) == '\n';
    }
    add(Token.Kind.END, "");
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** Adds the text before a tag. */
  private void text(int end, boolean block, char sign) {
    String text = source.substring(at, end);
    if (sign == '-') {
      text = PythonText.stripEnd(text);
    } else if (sign != '+' && block) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarting) && PythonText.isBlank(text.substring(start))) {
        text = text.substring(0, start);
      }
    }
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text);
    }
    at = end;
  }

  private int find(Pattern end, String what) {
    Matcher matcher = end.matcher(source);
    if (!matcher.find(at + 2)) {
      throw new JinjaException(what + " has no end", line());
    }
    return matcher.end();
  }

  private void raw(int start) {
    Matcher matcher = END_RAW.matcher(source);
    if (!matcher.find(start)) {
      throw new JinjaException("a raw block has no end", line());
    }
    at = start;
    lineStarting = source.charAt(start - 1) == '\n';
    String sign = matcher.group(1);
    text(matcher.start(), true, sign.isEmpty() ? ' ' : sign.charAt(0));
    at = matcher.end();
  }

  private void tag(char kind, char sign) {
    boolean block = kind == '%';
    add(block ? Token.Kind.BLOCK : Token.Kind.VARIABLE, "");
    at += sign == '-' || sign == '+' ? 3 : 2;
    Deque<Character> open = new ArrayDeque<>();
    Matcher end = (block ? BLOCK_END : VARIABLE_END).matcher(source);
    while (true) {
      while (at < source.length() && PythonText.isSpace(source.charAt(at))) {
        at++;
      }
      if (at >= source.length()) {
        throw new JinjaException("a tag has no end", line());
      }
      if (open.isEmpty() && end.region(at, source.length()).lookingAt()) {
        add(block ? Token.Kind.BLOCK_END : Token.Kind.VARIABLE_END, "");
        at = end.end();
        return;
      }
      token(open);
    }
  }

  private void token(Deque<Character> open) {
    char first = source.charAt(at);
    if (Character.isUnicodeIdentifierStart(first) || first == '_') {
      int end = at + 1;
      while (end < source.length() && Character.isUnicodeIdentifierPart(source.charAt(end))) {
        end++;
      }
      take(Token.Kind.NAME, end);
    } else if (first >= '0' && first <= '9') {
      Matcher number = NUMBER.matcher(source).region(at, source.length());
      boolean found = number.lookingAt();
      String text = found ? number.group() : "";
      boolean member = at > 0 && source.charAt(at - 1) == '.'; // a.0.b
      if (member && text.contains(".")) {
        text = text.substring(0, text.indexOf('.'));
      }
      boolean whole = text.chars().allMatch(c -> c == '_' || (c >= '0' && c <= '9'));
      take(whole ? Token.Kind.WHOLE : Token.Kind.FRACTION, at + text.length());
    } else if (first == '\'' || first == '"') {
      take(Token.Kind.STRING, stringEnd(first));
    } else {
      operator(first, open);
    }
  }

  private int stringEnd(char quote) {
    for (int i = at + 1; i < source.length(); i++) {
      if (source.charAt(i) == quote) {
        return i + 1;
      }
      if (source.charAt(i) == '\\') {
        i++; // whatever it is
      }
    }
    throw new JinjaException("a string has no end", line());
  }

  private void operator(char first, Deque<Character> open) {
    int end = at + 1;
    if (end < source.length() && LONG_OPERATORS.contains(source.substring(at, end + 1))) {
      end++;
    } else if ("([{".indexOf(first) >= 0) {
      open.push(first == '(' ? ')' : first == '[' ? ']' : '}');
    } else if (")]}".indexOf(first) >= 0) {
      if (open.isEmpty() || open.pop() != first) {
        throw new JinjaException("'" + first + "' closes nothing", line());
      }
    } else if ("+-*/%~.,:|=<>;".indexOf(first) < 0) {
      throw new JinjaException("'" + first + "' means nothing in a tag", line());
    }
    take(Token.Kind.OPERATOR, end);
  }

  private void take(Token.Kind kind, int end) {
    add(kind, source.substring(at, end));
    at = end;
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line()));
  }

  private int line() {
    while (counted < at) {
      if (source.charAt(counted++) == '\n') {
        line++;
      }
    }
    return line;
  }
}
