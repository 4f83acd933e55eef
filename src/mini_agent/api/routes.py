"""The visible table of routes."""

from __future__ import annotations

from starlette.routing import Route

from mini_agent.api.agent_run import AgentRoute
from mini_agent.api.agent_services import AgentServices
from mini_agent.api.chats import Chats
from mini_agent.api.health import READY, FixedRoute, HealthRoute
from mini_agent.api.kept import KeptRoute, Operation
from mini_agent.api.memory_routing import RoutingInfoRoute
from mini_agent.api.model_route import ModelRoute
from mini_agent.api.models import ModelsRoute
from mini_agent.api.openapi import OpenApiRoute
from mini_agent.api.responses import Responses
from mini_agent.dialects import Dialect
from mini_agent.edge.metrics import MetricsRoute
from mini_agent.pipeline.services import ModelServices
from mini_agent.pipeline.steps import build_steps, compaction_steps, completion_steps, counting_steps, embedding_steps


def build_routes(agent: AgentServices, started_at: float) -> list[Route]:
    """Returns: the routes, most used first. started_at: seconds since the epoch."""
    services = agent.chat
    settings, chat = services.settings, _asking(services, Dialect.CHAT)
    models = ModelsRoute(services, started_at)
    return [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/chat/completions", chat, methods=["POST"]),
        Route("/v1/messages", _asking(services, Dialect.MESSAGES), methods=["POST"]),
        Route("/v1/responses", _asking(services, Dialect.RESPONSES), methods=["POST"]),
        Route("/v1/embeddings", ModelRoute(embedding_steps(services), Dialect.CHAT), methods=["POST"]),
        Route("/v1/completions", ModelRoute(completion_steps(services), Dialect.CHAT), methods=["POST"]),
        Route("/v1/messages/count_tokens", ModelRoute(counting_steps(services), Dialect.MESSAGES), methods=["POST"]),
        Route("/v1/responses/compact", ModelRoute(compaction_steps(services), Dialect.RESPONSES), methods=["POST"]),
        *_kept(services),
        Route("/agent/run", AgentRoute(agent), methods=["POST"]),
        Route("/ready", FixedRoute(READY), methods=["GET"]),
        Route("/healthz", HealthRoute(settings, started_at), methods=["GET"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{model:path}", models, methods=["GET"]),
        Route("/memory-routing/info", RoutingInfoRoute(services), methods=["GET"]),
        Route("/", FixedRoute(b""), methods=["HEAD"]),
        Route("/metrics", MetricsRoute(services.metrics), methods=["GET"]),
        Route("/openapi.json", OpenApiRoute(relays=settings.provider_mode == "forward"), methods=["GET"]),
    ]


def _asking(services: ModelServices, dialect: Dialect) -> ModelRoute:
    return ModelRoute(build_steps(services, dialect), dialect)


def _kept(services: ModelServices) -> list[Route]:
    """Returns: the routes of kept answers."""
    responses, chats = Responses(services), Chats(services)
    response, chat = "/v1/responses/{response_id}", "/v1/chat/completions/{completion_id}"
    table: dict[str, dict[str, Operation]] = {
        response: {"GET": responses.get, "DELETE": responses.delete},
        f"{response}/input_items": {"GET": responses.input_items},
        f"{response}/cancel": {"POST": responses.cancel},
        "/v1/chat/completions": {"GET": chats.list},
        chat: {"GET": chats.get, "POST": chats.update, "DELETE": chats.delete},
        f"{chat}/messages": {"GET": chats.messages},
    }
    return [Route(path, KeptRoute(services, path, by), methods=list(by)) for path, by in table.items()]
