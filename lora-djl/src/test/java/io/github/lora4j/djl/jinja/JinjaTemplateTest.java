package io.github.lora4j.djl.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDateTime;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What templates can do, and what they cannot. The texts themselves are golden elsewhere. */
final class JinjaTemplateTest {

  private static final LocalDateTime NOW = LocalDateTime.of(2026, 1, 2, 15, 4, 5, 6000);

  private static String render(String template) {
    return JinjaTemplate.parse(template)
        .render(Map.of("word", "naïve 😀", "map", Map.of("key", 1)), NOW)
        .text();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ ''.__class__ }}",
        "{{ word.getClass() }}",
        "{{ word['class'] }}",
        "{{ map.getClass().forName('java.lang.Runtime') }}",
        "{{ word.__class__.__mro__[1].__subclasses__() }}",
        "{{ raise_exception.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ word.format.__globals__ }}",
        "{{ '{0.__class__}'.format(word) }}",
        "{{ '%s' % word.bytes }}",
        "{{ map.hashCode() }}",
        "{{ map | attr('getClass') }}",
        "{{ [map] | map(attribute='getClass') | list }}",
        "{{ map.entrySet() }}",
        "{{ self }}{{ context }}{{ caller }}{{ cycler }}{{ System }}{{ java }}",
        "{{ loop }}"
      })
  void javaIsOutOfReach(String template) {
    String text;
    try {
      text = render(template);
    } catch (JinjaException e) {
      text = "";
    }

    assertThat(text.replaceAll("[\\[\\]]|Undefined", "")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% include '/etc/passwd' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% from 'x' import y %}",
        "{% do map.update({}) %}"
      })
  void filesAreOutOfReach(String template) {
    assertThatThrownBy(() -> JinjaTemplate.parse(template))
        .isInstanceOf(JinjaException.class)
        .hasMessageStartingWith("line 1: there is no tag '");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{{ 'x' * 2000000000 }}",
        "{{ [0] * 2000000000 }}",
        "{{ 'x'.center(2000000000) }}",
        "{{ 'x' | indent(2000000000) }}",
        "{{ '%2000000000d' % 1 }}",
        "{{ '%.2000000000f' % 1 }}",
        "{{ [1] | tojson(indent=2000000000) }}",
        "{{ ('x' * 9999999).replace('x', 'y' * 9999) }}",
        "{{ ('x' * 9999999) | join('y' * 9999) }}",
        "{{ range(100001) }}",
        "{{ 10 ** 9999 }}",
        "{% set ns = namespace(n=9) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ ('x' * 9000000).split('x') }}",
        "{{ ('a ' * 9000000).split() }}",
        "{{ ('a ' * 900000).rsplit(none, 800000) | sort | join | length + 9 ** 9999 }}",
        "{{ ('x' * 19000000)[0] }}",
        "{{ ('x' * 9000000) | list }}",
        "{% for c in 'x' * 9000000 %}{% endfor %}",
        "{{ ('a' * 8000000).find('a' * 4000000 ~ 'b') }}",
        "{{ ('a' * 4000000 ~ 'b') in 'a' * 8000000 }}",
        "{{ ('x' * 4000000).strip('y' * 4000000 ~ 'x') }}",
        "{{ ('f' * 9000000) | int(base=16) }}",
        "{{ ('%' ~ '0' * 5000000 ~ '!') % 1 }}",
        "{{ '%.9000000f' % 1 }}",
        "{{ strftime_now('%c' * 5000000) }}",
        "{% set s = 'x' * 9000000 %}{% for i in range(99999) %}{% for j in range(999) %}{{ 'y' in s }}{% endfor %}{% endfor %}",
        "{% set s = 'x' * 5000000 %}{% set t = s ~ '' %}{% for i in range(99999) %}{{ s == t }}{% endfor %}",
        "{% set s = 'x' * 9000000 %}{% for i in range(99999) %}{{ s | length }}{% endfor %}",
        "{% set s = ['x' * 100000 ~ 1, 'x' * 100000 ~ 2] * 99999 %}{{ s | sort | length }}",
        "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
        "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s | tojson }}",
        "{% set n = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.s == n.t }}",
        "{% set n = namespace(s=(1,)) %}{% for i in range(60) %}{% set n.s = (n.s, n.s) %}{% endfor %}{{ {n.s: 1} }}",
        "{% set n = namespace(s=(1,)) %}{% for i in range(60) %}{% set n.s = (n.s, n.s) %}{% endfor %}{{ n.s in {} }}",
        "{% set n = namespace(d={}) %}{% for i in range(99999) %}{% set n.d = dict(n.d, **{'k' ~ i: 1}) %}{% endfor %}"
      })
  void computingTooMuchIsRefused(String template) {
    JinjaTemplate parsed = JinjaTemplate.parse(template);

    assertThatThrownBy(() -> parsed.render(Map.of(), NOW)).isInstanceOf(JinjaException.class);
  }

  @Test
  void nestingTooDeeplyIsRefused() {
    String parentheses = "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}";
    String signs = "{{ " + "-".repeat(100_000) + "1 }}";
    String blocks = "{% if 1 %}".repeat(100_000) + "{% endif %}".repeat(100_000);
    String branches = "{% if 0 %}" + "{% elif 0 %}".repeat(100_000) + "{% endif %}";
    String names = "{% set " + "(".repeat(100_000) + "a" + ")".repeat(100_000) + " = 1 %}";
    String digits = "{{ " + "9".repeat(100_000) + " }}";

    for (String template : new String[] {parentheses, signs, blocks, branches, names, digits}) {
      assertThatThrownBy(() -> JinjaTemplate.parse(template)).isInstanceOf(JinjaException.class);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '"',
      value = {
        "{{ map.update({'a': 1}) }} ~ 'update' would change a value; templates only read",
        "{{ [1].append(2) }} ~ 'append' would change a value; templates only read",
        "{% set map.key = 2 %} ~ only members of a namespace can be set, 'map' is a mapping",
        "{{ missing.x }} ~ 'missing' is undefined",
        "{{ map.a.b }} ~ a mapping has no 'a'",
        "{{ word + 1 }} ~ '+' does not work on a text and a number",
        "{{ 1 < 'a' }} ~ '<' does not work on a number and a text",
        "{{ word() }} ~ a text cannot be called",
        "{{ 1 / 0 }} ~ division by zero",
        "{% for a, b in [[1, 2, 3]] %}{% endfor %} ~ 2 names are given 3 values",
        "{{ word | upper(1) }} ~ filter 'upper' takes 0 arguments, got 1",
        "{{ word | trim(x=1) }} ~ filter 'trim' takes no argument 'x'",
        "{{ map.items() | tojson }} ~ a generator is no JSON",
        "{{ ([1] | select) | length }} ~ a generator has no length; make a list of it first",
        "{{ strftime_now('%Q') }} ~ strftime_now knows no '%Q'"
      })
  void whatCannotBeDoneIsSaid(String template, String message) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(JinjaException.class)
        .hasMessage("line 1: " + message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{% if 1 %} | wanted '{% endif %}', got the end of the template",
        "{% endif %} | there is no tag 'endif' here",
        "{% break %} | 'break' stands in no loop",
        "{% macro m(a, a) %}{% endmacro %} | a macro has two parameters 'a'",
        "{{ 'a }} | a string has no end",
        "{# a | a comment has no end",
        "{{ a | a tag has no end",
        "{{ [1 }} | '}' closes nothing",
        "{% for x of y %}{% endfor %} | wanted 'in', got 'of'"
      })
  void whatCannotBeReadIsSaid(String template, String message) {
    assertThatThrownBy(() -> JinjaTemplate.parse(template))
        .isInstanceOf(JinjaException.class)
        .hasMessageContaining(message);
  }

  /** What is a stack overflow of a regular expression elsewhere. */
  @Test
  void aLongStringIsNoDeepOne() {
    assertThat(render("{{ '" + "\\\\".repeat(400_000) + "' | length }}")).isEqualTo("400000");
  }

  @Test
  void longChainsAreRefusedOrRendered() {
    for (String part :
        new String[] {" | string", ".a", "[0]", "(1)", " + 1", " or 1", " is none"}) {
      JinjaTemplate chain = JinjaTemplate.parse("{{ map" + part.repeat(100_000) + " }}");

      assertThatThrownBy(() -> chain.render(Map.of("map", 1), NOW))
          .as(part)
          .isInstanceOf(JinjaException.class);
    }
  }

  /** Many passes over it are what templates of models need. */
  @Test
  void aLongConversationHasItsOwnBudget() {
    JinjaTemplate template =
        JinjaTemplate.parse(
            "{% for i in range(9) %}{% for m in messages %}{{ (m | replace('a', 'b'))[:5] }}{% endfor"
                + " %}{% endfor %}");
    List<String> messages = Collections.nCopies(2000, "abc".repeat(1000));

    String text = template.render(Map.of("messages", messages), NOW).text();

    assertThat(text).hasSize(9 * 2000 * 5);
  }

  @Test
  void numbersThatAreNoneAreWrittenAsPythonDoes() {
    assertThat(render("{{ '%f' % (1e308 * 10) }} {{ (-1e308 * 10) | round }}"))
        .isEqualTo("inf -inf");
    assertThat(render("{{ [1].99999999999999999999 is defined }}{{ [1].0_0 }}"))
        .isEqualTo("False1");
    assertThatThrownBy(() -> render("{{ '%d' % (1e308 * 10) }}"))
        .isInstanceOf(JinjaException.class)
        .hasMessage("line 1: 'inf' is no whole number");
  }

  @Test
  void aMissingFilterIsRefusedOnlyWhereItIsUsed() {
    assertThat(render("{{ word | nothing if false else 1 }}")).isEqualTo("1");
    assertThatThrownBy(() -> render("{{ word | nothing }}"))
        .hasMessageStartingWith("line 1: there is no filter 'nothing'; there are [abs, ");
    assertThatThrownBy(() -> render("{{ word is nothing }}"))
        .hasMessageStartingWith("line 1: there is no test 'nothing'; there are [!=, ");
  }

  @Test
  void charactersAreCountedAsPythonDoes() {
    assertThat(render("{{ word | length }} {{ word[-1] }} {{ word[::-1] }} {{ word.find('😀') }}"))
        .isEqualTo("7 😀 😀 evïan 6");
  }

  @Test
  void generatorsGiveTheirItemsOnce() {
    assertThat(
            render(
                "{% set g = [1, 2] | select %}{{ g | list }}{{ g | list }}{{ 'y' if g else 'n' }}"))
        .isEqualTo("[1, 2][]y");
  }

  @Test
  void timesAreWrittenInEnglish() {
    assertThat(render("{{ strftime_now('%A %-d %B %Y, %I:%M %p, %j, %y%m%d %H:%M:%S.%f %%') }}"))
        .isEqualTo("Friday 2 January 2026, 03:04 PM, 002, 260102 15:04:05.000006 %");
  }

  @Test
  void aTemplateServesManyRenderings() {
    JinjaTemplate template =
        JinjaTemplate.parse("{% for x in xs %}{{ loop.index }}{{ x }}{% endfor %}");

    long right =
        IntStream.range(0, 500)
            .parallel()
            .filter(
                i ->
                    template
                        .render(Map.of("xs", List.of(i, i + 1)), NOW)
                        .text()
                        .equals("1" + i + "2" + (i + 1)))
            .count();

    assertThat(right).isEqualTo(500);
  }
}
