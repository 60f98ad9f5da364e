package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AsideTest {

  @Test
  void worksOnAThreadOfItsOwnThatSeesTheCallersClasses() throws IOException {
    Thread found = Aside.start("aside", Thread::currentThread).get();

    assertThat(found).isNotSameAs(Thread.currentThread());
    assertThat(found.isDaemon()).isTrue();
    assertThat(Aside.start("aside", () -> Thread.currentThread().getContextClassLoader()).get())
        .isSameAs(Thread.currentThread().getContextClassLoader());
  }

  @ParameterizedTest
  @ValueSource(classes = {IOException.class, IllegalStateException.class, LinkageError.class})
  void failuresAreThrownAsTheyAre(Class<? extends Throwable> kind) throws Exception {
    Throwable failure = kind.getConstructor(String.class).newInstance("because");

    Aside<String> aside =
        Aside.start(
            "aside",
            () -> {
              throw AsideTest.<RuntimeException>any(failure);
            });

    assertThatThrownBy(aside::get).isSameAs(failure);
  }

  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // throws what is checked too
  private static <E extends Throwable> E any(Throwable failure) throws E {
    throw (E) failure;
  }
}
