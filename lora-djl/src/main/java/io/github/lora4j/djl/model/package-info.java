/** What every decoder offers to training and generation. */
@NullMarked
package io.github.lora4j.djl.model;

import org.jspecify.annotations.NullMarked;
