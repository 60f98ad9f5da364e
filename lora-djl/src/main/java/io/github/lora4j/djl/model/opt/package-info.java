/** OPT. */
@NullMarked
package io.github.lora4j.djl.model.opt;

import org.jspecify.annotations.NullMarked;
