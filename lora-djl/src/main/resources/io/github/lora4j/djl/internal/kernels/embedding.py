# Rows of the table, (N) -> (N, D), cast to the type that the layers compute in.

def embedding_forward(self: __torch__.K, ids: Tensor, table: Tensor, dtype: int) -> Tensor:
  return torch.embedding(table, ids).to(dtype)
