/** Adapters beside any block of Deep Java Library, under its own autograd and trainer. */
@NullMarked
package io.github.lora4j.djl.block;

import org.jspecify.annotations.NullMarked;
