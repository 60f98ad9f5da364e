/** What an engine implements so that the core can adapt its models. */
@NullMarked
package io.github.lora4j.spi;

import org.jspecify.annotations.NullMarked;
