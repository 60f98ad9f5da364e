/**
 * A small, strict interpreter of the Jinja template language, as far as chat templates of language
 * models use it, with the results of jinja2 in the settings of transformers. Templates see the
 * values they are given and nothing else: there is no way to a class, a file or the network, and
 * what one rendering may compute is limited.
 */
@NullMarked
package io.github.lora4j.djl.jinja;

import org.jspecify.annotations.NullMarked;
