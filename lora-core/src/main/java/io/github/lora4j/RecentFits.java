package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import java.lang.ref.SoftReference;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What the configurations that were loaded last mean on their bases. A server loads many adapters
 * of few configurations, and matching one asks every module of the model.
 *
 * <p>Thread-safe.
 */
final class RecentFits {

  private static final int KEPT = 16;

  static final RecentFits SHARED = new RecentFits();

  private record Known(LoraConfig config, SoftReference<AdapterFit> fit) {}

  private final Deque<Known> known = new ArrayDeque<>();

  AdapterFit of(LoraConfig config, ModuleTree tree) {
    return find(config, tree).orElseGet(() -> add(config, tree));
  }

  private synchronized Optional<AdapterFit> find(LoraConfig config, ModuleTree tree) {
    for (Iterator<Known> each = known.iterator(); each.hasNext(); ) {
      Known one = each.next();
      AdapterFit fit = one.fit().get();
      if (fit == null) {
        each.remove();
      } else if (Objects.equals(fit.plan().tree(), tree) && isSame(one.config(), config)) {
        return Optional.of(fit);
      }
    }
    return Optional.empty();
  }

  /** Of patterns that overlap the order decides, which equality of maps does not look at. */
  private static boolean isSame(LoraConfig one, LoraConfig other) {
    return Objects.equals(one, other) // mostly one and the same
        && List.copyOf(one.rankPattern().keySet()).equals(List.copyOf(other.rankPattern().keySet()))
        && List.copyOf(one.alphaPattern().keySet())
            .equals(List.copyOf(other.alphaPattern().keySet()));
  }

  private AdapterFit add(LoraConfig config, ModuleTree tree) {
    AdapterFit fit = AdapterFit.of(config, tree);
    synchronized (this) {
      known.addFirst(new Known(config, new SoftReference<>(fit)));
      if (known.size() > KEPT) {
        known.removeLast();
      }
    }
    return fit;
  }
}
