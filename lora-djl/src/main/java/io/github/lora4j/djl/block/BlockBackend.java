package io.github.lora4j.djl.block;

import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import io.github.lora4j.LoraException;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.util.List;
import java.util.Map;

/**
 * Puts adapters beside the blocks of Deep Java Library. Found by {@link java.util.ServiceLoader};
 * not for direct use.
 *
 * @since 0.1.0
 */
public final class BlockBackend implements LoraBackend {

  /** For the service loader. */
  public BlockBackend() {}

  @Override
  public boolean supports(Object model) {
    return model instanceof Block;
  }

  @Override
  public ModuleTree modules(Object model) {
    return BlockTree.of((Block) model).modules();
  }

  @Override
  public TensorData parameter(Object model, String name) {
    return Arrays32.read(BlockTree.of((Block) model).parameter(name).getArray());
  }

  @Override
  public <M> LoraView<M> attach(M base, AdapterLayout layout, boolean trainable) {
    BlockTree tree = BlockTree.of((Block) base);
    refuseOthers(layout, tree);
    if (trainable) {
      refuseDropout(layout);
    }
    BlockAdapter adapter = new BlockAdapter(tree, layout, trainable);
    freeze(tree);
    @SuppressWarnings("unchecked") // M is Block: supports() said so
    M typed = (M) new PeftBlock((Block) base, tree, adapter);
    return new View<>(typed, adapter);
  }

  /** Tables, halves that stay fixed: what the store does not compute with. */
  private static void refuseOthers(AdapterLayout layout, BlockTree tree) {
    if (layout.halfFixed()) {
      throw new LoraException(
          "PiSSA and OLoRA cannot start beside a DJL block, whose optimizer knows no fixed halves; train with LoraInit.KAIMING");
    }
    List<String> tables =
        layout.pairs().stream()
            .filter(
                pair ->
                    tree.modules().modules().stream()
                        .anyMatch(
                            module ->
                                module.path().equals(pair.path())
                                    && module.kind() != TargetModule.Kind.LINEAR))
            .map(AdapterLayout.Pair::path)
            .toList();
    if (!tables.isEmpty() || !layout.frozen().isEmpty()) {
      throw new LoraException(
          "beside a DJL block a low-rank pair stands beside a linear map, not beside an embedding: %s%s; leave them out"
              .formatted(tables, layout.frozen().isEmpty() ? "" : layout.frozen().keySet()));
    }
  }

  private static void refuseDropout(AdapterLayout layout) {
    List<String> dropping =
        layout.pairs().stream()
            .filter(pair -> pair.dropout() > 0)
            .map(pair -> "%s (%s)".formatted(pair.path(), pair.dropout()))
            .toList();
    if (!dropping.isEmpty()) {
      throw new LoraException(
          "an adapter reaches a DJL block through its weights, and dropout acts on inputs, so it cannot be applied at %s; set dropout(0), or \"lora_dropout\": 0 in the file of an adapter to be trained further"
              .formatted(dropping));
    }
  }

  /** Only what is not frozen yet: another view may be computing with the same arrays. */
  private static void freeze(BlockTree tree) {
    tree.all().values().stream()
        .filter(Parameter::requiresGradient)
        .forEach(parameter -> parameter.freeze(true));
  }

  private record View<M>(M model, BlockAdapter adapter) implements LoraView<M> {
    @Override
    public Map<String, TensorData> tensors() {
      return adapter.read();
    }

    @Override
    public void replace(AdapterLayout layout) {
      throw new UnsupportedOperationException(
          "DJL's trainers and models hold on to the parameters of a block; load the other adapter as a view of its own and set its block");
    }

    @Override
    public M merge() {
      throw new UnsupportedOperationException(
          "DJL copies no blocks, so a merged one cannot be made beside its base; build another block of the same architecture and give it to mergeInto of this view's PeftBlock");
    }

    @Override
    public long nativeBytes() {
      return adapter.nativeBytes();
    }

    @Override
    public void close() {
      adapter.close();
    }
  }
}
