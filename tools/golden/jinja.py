"""What jinja2, in the settings of transformers, makes of small templates: python tools/golden/jinja.py

One construct a template, so that a difference shows where it is. Writes golden/chat/snippets.json.
"""

import json

import transformers.utils.chat_template_utils as utils

from files import ROOT

VALUES = {
    "word": "naïve 😀 Word", "blank": " \n x \t", "zero": 0, "one": 1, "half": 0.5, "big": 10**20, "yes": True, "no": False, "nothing": None,
    "list": [3, 1, 2], "texts": ["b", "A", "a", "B"], "empty": [], "pair": [1, "x"],
    "map": {"key": 1, "other": {"deep": [1, 2]}, "items": "shadowed", "é": None},
    "people": [{"name": "Ann", "age": 3, "at": {"home": True}}, {"name": "bob", "age": 1, "at": {"home": False}}, {"name": "Cy", "age": 2}],
}

SNIPPETS = """
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 7.5 % 2 }} {{ 1e3 }} {{ 1_000 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e-5 }} {{ 3 / 1 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ (1,) == (1,) }} {{ [1] == (1,) }} {{ 'é' > 'z' }} {{ none == false }}
{{ 'a' 'b' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ {'a': none} }}
{{ 'a' in 'abc' }} {{ 1 in [1] }} {{ 'key' in map }} {{ 'x' not in [] }} {{ not 1 in [1] }} {{ not none is none }}
{{ 'yes' if yes }}{{ 'yes' if no }}{{ 'a' if no else 'b' if no else 'c' }}{{ (1 if yes else 2) + 1 }}
{{ no or 'x' }} {{ no and 'x' }} {{ '' or [] or none }} {{ yes and one and 'z' }} {{ not yes or yes }}
{{ word[0] }}{{ word[-1] }}{{ word[6] }} {{ word[2:5] }} {{ word[::-1] }} {{ word[-4:] }} {{ word[:-5] }} {{ word[::2] }} {{ word[20:] }} {{ word[5:2] }} {{ word[6:7] }}
{{ list[0] }} {{ list[1:] }} {{ list[::-1] }} {{ list[-2:] }} {{ list[:-1] }} {{ list[5:] }} {{ list[9] }} {{ list.0 }} {{ list['0'] is defined }} {{ (1, 2, 3)[1:] }}
{{ map.key }} {{ map['key'] }} {{ map.other.deep[1] }} {{ map.items is callable }} {{ map['items'] }} {{ map.missing is defined }} {{ map.get('missing') }} {{ map.get('missing', 5) }} {{ map.get('key') }} {{ map['é'] is none }}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %} {% for k in map %}{{ k }},{% endfor %} {{ map.keys() | list }} {{ map.values() | list | length }} {{ map | length }}
{% for k, v in map | items %}{{ k }}{{ loop.index }}{% endfor %} {{ map | dictsort | map(attribute='0') | list | length if no else '' }}{{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(by='value', reverse=true) }} {{ {'b': 1, 'A': 2} | dictsort(case_sensitive=true) }}
{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('o', 'e') }}{{ loop.changed(x > 1) }};{% endfor %}
{% for x in list %}{% for y in texts %}{{ loop.depth }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in list if x > 1 %}{{ x }}{{ loop.length }}{% else %}none{% endfor %} {% for x in empty %}{% else %}none{% endfor %} {% for x in [] if x %}{% endfor %}
{% for x in [[1, [2]], [3]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for c in 'né😀' %}{{ c }}-{% endfor %}
{% set x = 1 %}{% for i in list %}{% set x = x + i %}{% endfor %}{{ x }} {% set ns = namespace(x=1) %}{% for i in list %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {% if yes %}{% set x = 9 %}{% endif %}{{ x }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a + ns.b }}{{ ns.c is defined }} {% set a, b = 1, 2 %}{{ a }}{{ b }} {% set t = 1, %}{{ t }}
{% set block %}a{{ one }}b{% endset %}{{ block }}{{ block | length }} {% set up | upper | trim %} x {% endset %}[{{ up }}]
{% macro m(a, b=2, c='x' ~ 'y') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=1, a=2) }} {{ m() }} {{ m(1) | length }}
{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}
{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(5) %}{{ y }}!{% endcall %}{% macro n() %}{{ caller() }}{% endmacro %}{% call n() %}q{% endcall %}
{% macro m() %}{{ word }}{{ loop is defined }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}
{% filter upper | replace('A', 'x') %}banana{% endfilter %} {% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}
{{ missing }}|{{ missing is defined }}|{{ missing is undefined }}|{{ missing | default('d') }}|{{ none | default('d') }}|{{ '' | default('d', true) }}|{{ map.x | default('e') }}|{{ missing | d }}|{{ missing | length }}|{{ missing | list }}|{{ missing ~ 'x' }}|{{ missing == missing }}
{{ missing.x }}
{{ missing + 1 }}
{{ map.x.y }}
{{ none.x is defined }} {{ none['x'] is defined }} {{ one.x is defined }} {{ word.x is defined }} {{ list.x is defined }}
{{ 1 is number }} {{ yes is number }} {{ 1.0 is float }} {{ 1 is integer }} {{ yes is integer }} {{ yes is boolean }} {{ 'x' is string }} {{ map is mapping }} {{ map is iterable }} {{ word is iterable }} {{ word is sequence }} {{ map is sequence }} {{ list is sequence }} {{ 1 is iterable }} {{ none is none }} {{ missing is none }} {{ range is callable }} {{ no is false }} {{ yes is true }} {{ 1 is true }} {{ 0 is false }}
{{ 3 is odd }} {{ 3 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is ne 1 }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ 2 is ge 2 }} {{ 2 is le 1 }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 'a' is lower }} {{ 'A' is upper }} {{ '1' is lower }} {{ 1 is sameas 1 }} {{ none is sameas none }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 1 is equalto 1 }}
{{ word | upper }} {{ word | lower }} {{ word | title }} {{ word | capitalize }} {{ word | length }} {{ word | reverse }} {{ blank | trim }} {{ 'xxaxx' | trim('x') }} {{ word | first }} {{ word | last }} {{ 'a-b c' | title }} {{ "it's" | title }}
{{ list | sort }} {{ list | sort(reverse=true) }} {{ texts | sort }} {{ texts | sort(case_sensitive=true) }} {{ people | sort(attribute='age') | map(attribute='name') | join(',') }} {{ list | reverse | list }} {{ texts | unique | list }} {{ texts | unique(case_sensitive=true) | list }} {{ list | sum }} {{ list | max }} {{ list | min }} {{ texts | min }} {{ texts | max }} {{ list | first }} {{ list | last }} {{ empty | first }} {{ empty | max }}
{{ people | sum(attribute='age') }} {{ people | map(attribute='name') | list }} {{ people | map(attribute='at.home', default='?') | list }} {{ texts | map('upper') | join }} {{ list | map('string') | join('-') }} {{ [1.5, 2.5] | map('int') | list }} {{ ['a', 'b'] | map('replace', 'a', 'c') | list }} {{ people | map(attribute='zip') | list }}
{{ people | selectattr('age', 'gt', 1) | map(attribute='name') | list }} {{ people | rejectattr('age', 'equalto', 1) | map(attribute='name') | list }} {{ people[:2] | selectattr('at.home') | map(attribute='name') | list }} {{ people | selectattr('at', 'defined') | list | length }} {{ people | selectattr('name', 'in', ['Ann']) | list | length }} {{ list | select('odd') | list }} {{ list | reject('odd') | list }} {{ [0, 1, ''] | select | list }} {{ [0, 1] | reject | list }}
{{ people | groupby('at.home', default=false) | list | length }} {% for k, g in people | groupby('age') %}{{ k }}{{ g[0].name }}{% endfor %} {{ range(7) | batch(3) | list }} {{ range(4) | batch(3, 'x') | list }} {{ list | join(', ') }} {{ people | join(';', attribute='name') }} {{ [1, none, 'x'] | join('|') }} {{ 'abc' | join('.') }}
{{ list | tojson }} {{ map | tojson }} {{ word | tojson }} {{ word | tojson(ensure_ascii=true) }} {{ '<a href="x">&\\'' | tojson }} {{ [1.0, 1e100, 1e-7, -0.0, true, none, big] | tojson }} {{ {'a': [], 'b': {}} | tojson }} {{ {1: 2, none: 3, 1.5: 5} | tojson }}
{{ {'b': [1, {'c': 2}], 'a': {}} | tojson(indent=2) }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }} {{ [1, {'a': 2}] | tojson(separators=(',', ':')) }} {{ [1] | tojson(indent=0) }} {{ [] | tojson(indent=4) }} {{ '\\u0001\\t\\x7f\\u2028' | tojson }} {{ [1, [2]] | tojson(indent='--') }} {{ (1, 2) | tojson }}
{{ missing | tojson }}
{{ people | selectattr('at.home') | list }}
{{ people | selectattr('at') | list | length }}
{{ map | attr('key') }} {{ list | attr('copy') is defined }}
{{ '5' | int }} {{ 'x' | int }} {{ 'x' | int(3) }} {{ '0x1f' | int(base=16) }} {{ 3.9 | int }} {{ '3.9' | int }} {{ '1.5' | float }} {{ 'x' | float }} {{ -3 | abs }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 | round(method='floor') }} {{ 42 | string | length }} {{ none | string }} {{ 5 | round }} {{ yes | int }} {{ '١٢' | int }} {{ ' 7 ' | int }} {{ '1_0' | int }}
{{ 'a b' | replace(' ', '') }} {{ 'aaa' | replace('a', 'b', 2) }} {{ 'x' | center(5) }}| {{ 'a\\nb' | indent }} {{ 'a\\n\\nb' | indent(2, true) }} {{ 'a\\n\\nb' | indent(width='> ', first=true, blank=true) }} {{ '%s-%s' | format(1, 'a') }} {{ '%(x)s' | format(x=1) }} {{ 'one two' | wordcount }} {{ '<b>' | e }} {{ '<b>' | escape }} {{ '<b>' | safe }} {{ ('<b>' | safe) + '<' }}
{{ ' a '.strip() }}|{{ 'xay'.strip('xy') }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'a,b,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ ' a  b '.split() }}|{{ ' a  b c '.split(none, 1) }}|{{ ' a  b c '.rsplit(none, 1) }}|{{ 'aXbXc'.rsplit('X') }}|{{ 'aaaa'.rsplit('aa') }}|{{ 'aaa'.split('aa') }}|{{ 'a'.split('a') }}|{{ ''.split(',') }}|{{ ''.split() }}|{{ 'a'.rsplit('aa') }}
{{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'a\\nb'.splitlines(true) }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('x') }} {{ 'abc'.startswith('a') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('c') }} {{ 'abc'.startswith('b', 1) }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }}
{{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('x') }} {{ 'abc'.index('b') }} {{ 'abab'.count('ab') }} {{ 'abc'.replace('b', 'x') }} {{ 'abb'.replace('b', 'x', 1) }} {{ 'ab'.replace('', '-') }} {{ 'x'.join(['a', 'b']) }} {{ 'a'.center(4, '*') }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3) }} {{ '-5'.zfill(4) }} {{ 'aB'.swapcase() }} {{ 'ab cd'.title() }} {{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ 'aB'.capitalize() }} {{ 'ß'.casefold() }} {{ word.find('W') }} {{ word.count('') }}
{{ 'a1'.isalnum() }} {{ 'a'.isalpha() }} {{ '1'.isdigit() }} {{ '1'.isdecimal() }} {{ '½'.isnumeric() }} {{ ' '.isspace() }} {{ 'a'.islower() }} {{ 'A'.isupper() }} {{ 'é'.isascii() }} {{ ''.isalpha() }} {{ 'A1'.isupper() }}
{{ '{} {}'.format(1, 'a') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=1) }} {{ '{{}}'.format() }} {{ '%s %d %.2f %5s|%-5s| %05d %x %%' % ('a', 3, 1.5, 'b', 'c', 7, 255) }} {{ '%s' % 'x' }} {{ '%r' % 'x' }} {{ '%(a)s' % {'a': 1} }} {{ '%+d' % 3 }} {{ '%s' % [1] }}
{{ [1] + [2] }} {{ [1, 2] * 2 }} {{ 'ab' * 2 }} {{ 2 * 'ab' }} {{ (1,) + (2,) }} {{ [] + [] }} {{ 'a' + 'b' }} {{ [1].count(1) }} {{ [1, 2].index(2) }} {{ list.copy() }} {{ (1, 2).count(2) }}
{{ 'a' + 1 }}
{{ [1] + 'a' }}
{{ 1 + none }}
{{ 'abc'.index('x') }}
{{ raise_exception('no ' ~ word) }}
{{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }} {{ dict(a=1, b=2) }} {{ dict([('a', 1)]) }}
{{ dict(a=1) }} {{ {'a': 1, 'a': 2} }} {{ {1: 'x'}[1] }} {{ {'a': {'b': [1, 2, {'c': 3}]}}.a.b[2].c }} {{ {} }} {{ () }} {{ [] }} {{ (1) }} {{ (1,) }} {{ [1, 2,] }} {{ {'a': 1,} }}
{{ 'it\\'s' }} {{ "a\\"b" }} {{ 'a\\nb' }} {{ '\\\\' }} {{ '\\u00e9\\x41\\101' }} {{ '\\q' }} {{ ["it's", 'a"b', 'a\\'b"c', '\\n\\t\\\\', '\\x00\\x7f\\u200b', 'é😀'] }}
a {%- if yes -%} b {%- endif -%} c
a {% if yes %} b {% endif %} c {{- ' d ' -}} e {#- gone -#} f {# gone #} g
{% raw %}{{ x }}{% endraw %} {%- raw -%} {% a %} {%- endraw -%} z {{ '{{' }} {{ '}}' }} {{ "{%" }}
{{ yes }}{{ no }}{{ nothing }}{{ 1.0 }}{{ 100000000000000000000.0 }}{{ 1e22 }}{{ 123456789.123456789 }}{{ 5e-324 }}{{ big }}{{ big * big }}{{ -big }}{{ big // 3 }}{{ 1 / 3 }}
{{ messages is defined }} {{ loop is defined }} {{ namespace is defined }} {{ x if x is defined else 'none' }} {{ true }}{{ True }}{{ none }}{{ None }}{{ false }}{{ False }}
{%- set t = '' -%}{%- for p in people -%}{%- set t = t ~ p.name -%}{{ t }}{%- endfor -%}|{{ t }}
{% for p in people %}{% if p.at is defined and p.at.home %}H{% elif p['at'] is defined %}A{% else %}?{% endif %}{% endfor %} {% for p in people[1:] %}{{ p.name }}{% endfor %} {% for p in people | reverse %}{{ p.name }}{% endfor %} {% for i in range(2, -1, -1) %}{{ people[i].age }}{% endfor %}
{% if word is string and word is not mapping %}1{% endif %}{% if not (missing is defined and missing) %}2{% endif %}{% if list | length > 2 %}3{% endif %}{% if (people | selectattr('age', 'equalto', 9) | list) %}4{% endif %}{% if 'a' == 'a' == 'a' %}5{% endif %}{% if map.other is not none %}6{% endif %}
{{ people | map(attribute='name') | map('lower') | select('ne', 'bob') | list }} {{ (people | map(attribute='age') | list)[-1] }} {{ people[0].at | items | list }} {{ (list | sort)[0] }} {{ -list[0] }} {{ (1, 2) | first }} {{ list | length + 1 }} {{ 'a' ~ 'b' | upper }} {{ 1 + 2 | string | length }} {{ not none | default(true) }}
{{ texts | map('length') | sum }} {{ word.split(' ')[-1][:2] }} {{ word.split()[0].upper().lower()[::-1] | title }} {{ ' '.join(texts | sort) }} {{ (texts | join(' ')).split('a') | length }}
{% do list %}
{% if %}
{{ 1 | nofilter }}
{{ 1 is notest }}
{{ ''.__class__ }}
{{ list.append(1) }}
{{ list[1:2, 3] }}
{{ map.items() | list | length }} {{ [map.items()] | length }} {{ {'a': 1}.keys() | list | tojson }} {{ {'b': 1}.items() | list }}
""".strip("\n").split("\n")


def rendered(source: str) -> dict:
    try:
        texts, _ = utils.render_jinja_template([[]], chat_template=source, **VALUES)
        return {"template": source, "text": texts[0]}
    except Exception as e:  # whatever a template does to Python is a refusal
        return {"template": source, "refused": f"{type(e).__name__}: {e}"}


def main() -> None:
    results = [rendered(source) for source in SNIPPETS]
    for one in results:
        if "refused" in one:
            print(one["refused"][:70], "|", one["template"][:90])
    path = ROOT.parent / "chat" / "snippets.json"
    path.write_text(json.dumps({"values": VALUES, "snippets": results}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
