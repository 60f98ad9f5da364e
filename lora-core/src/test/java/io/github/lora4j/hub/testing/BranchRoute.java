package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.util.Optional;

/** {@code /api/models/{id}/branch/{name}}: a new branch at what main is at. */
final class BranchRoute implements DoubleRoute {

  @Override
  public boolean answer(DoubleExchange exchange) throws IOException {
    Optional<DoubleAddress> asked = DoubleAddress.ofApi(exchange);
    if (asked.isEmpty()
        || !exchange.method().equals("POST")
        || !asked.get().action().equals("branch")) {
      return false;
    }
    Optional<DoubleRepository> repository = asked.get().repository(exchange);
    if (repository.isEmpty() || !UploadRoutes.mayWrite(exchange, asked.get().id())) {
      return true;
    }
    String name = asked.get().rest().get(0);
    if (repository.get().resolve(name).isPresent()) {
      return exchange.refuse(409, "", "Reference already exists");
    }
    repository.get().point(name, repository.get().resolve("main").orElseThrow());
    return exchange.json(200, "{}");
  }
}
