# Rows of the table, (N) -> (N, D), cast to the type that the layers compute in. scales: as for a frozen matrix.

def embedding_forward(self: __torch__.K, ids: Tensor, table: Tensor, scales: List[Tensor], dtype: int) -> Tensor:
  return self.frozen_at(table, scales, ids, dtype)
