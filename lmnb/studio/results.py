"""What the SDK says of a finished prediction, in our own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.chat.events import Finished, ModelFacts, Stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lmstudio as lms

    from lmnb.studio.choosing import Model


def finished(result: lms.PredictionResult, stats: Stats, facts: ModelFacts) -> Finished:
    """The last event of a prediction that ended by itself or by a limit."""
    return Finished(
        stats,
        facts,
        parsed=result.parsed if isinstance(result.parsed, dict) else None,
        load_config=_plain(result.load_config),
        prediction_config=_plain(result.prediction_config),
    )


def _plain(config: Any) -> Mapping[str, Any]:
    return {key: value for key, value in config.to_dict().items() if value is not None}


def stats_of(stats: lms.LlmPredictionStats) -> Stats:
    """The numbers, without those of speculative decoding."""
    layers = stats.num_gpu_layers
    return Stats(
        stop_reason=stats.stop_reason,
        tokens_per_second=stats.tokens_per_second,
        time_to_first_token_sec=stats.time_to_first_token_sec,
        prompt_tokens_count=stats.prompt_tokens_count,
        predicted_tokens_count=stats.predicted_tokens_count,
        total_tokens_count=stats.total_tokens_count,
        num_gpu_layers=None if layers is None else int(layers),
        used_draft_model_key=stats.used_draft_model_key,
    )


def facts_of(info: lms.LlmInfo, model: Model) -> ModelFacts:
    """Which model answered: what came with the answer, and what was known of the instance."""
    return ModelFacts(
        identifier=model.identifier or info.model_key,
        key=info.model_key,
        display_name=info.display_name,
        context_length=model.context,
        path=info.path,
        size_bytes=info.size_bytes,
        params=info.params_string,
        architecture=info.architecture,
        quantization=model.quantization,
        vision=info.vision,
        tools=info.trained_for_tool_use,
    )
