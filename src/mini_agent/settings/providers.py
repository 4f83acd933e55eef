"""Provider names, known without importing LiteLLM."""

from __future__ import annotations

#: OpenAI-compatible providers that our own HTTP client serves.
FAST_PATH = frozenset({"openai", "openai_like", "custom_openai", "hosted_vllm", "chutes"})

#: Codex agents, and our own agent in front of another model.
CODEX = frozenset({"codex-agent", "codex_cli_agent"})
AGENT = "mini-agent"

#: Providers that speak another dialect than chat, and which.
OWN_DIALECT = {"anthropic": "anthropic_messages", "openai_responses": "openai_responses"}

#: Keys of `litellm_params` that configure LiteLLM's router or accounting. They never reach a provider.
LITELLM_ONLY = frozenset(
    """
    rpm tpm max_parallel_requests weight order tags input_cost_per_token output_cost_per_token
    input_cost_per_second output_cost_per_second max_budget budget_duration mock_response drop_params
    additional_drop_params use_in_pass_through use_litellm_proxy merge_reasoning_content_in_choices
    configurable_clientside_auth_params litellm_credential_name cooldown_time num_retries fallbacks
    model_info metadata_tags no_log caching cache ssl_verify litellm_session_id litellm_trace_id
    """.split()
)

#: `provider_list` of LiteLLM 1.106.2, checked against the installed package by a test.
LITELLM_PROVIDERS = frozenset(
    """
    a2a a2a_agent ai21 ai21_chat aiml aiohttp_openai amazon_nova anthropic anthropic_text apertis assemblyai
    auto_router aws_polly aws_textract azure azure_ai azure_speech azure_text baseten bedrock bedrock_mantle
    black_forest_labs bytez cerebras charity_engine chatgpt chutes clarifai cloudflare codestral cognition
    cohere cohere_chat cometapi compactifai cortecs cursor custom_openai darkbloom dashscope databricks
    datarobot deepgram deepinfra deepseek docker_model_runner dotprompt edenai elevenlabs empower fal_ai
    featherless_ai fireworks_ai friendliai galadriel gdc gemini gigachat github github_copilot gradient_ai
    groq helicone heroku hosted_vllm huggingface humanloop hyperbolic inception infinity jina_ai lambda_ai
    langflow langfuse langgraph lemonade libertai litellm_proxy llamafile lm_studio manus maritalk meta
    meta_llama milvus minimax mistral modelscope mongodb moonshot morph nadir nano-gpt nebius neosantara
    nlp_cloud novita nscale nvidia_nim nvidia_riva oci ollama ollama_chat oobabooga openai openai_like
    openrouter ovhcloud parasail perplexity petals pg_vector pinstripes poe predibase prism publicai
    qwen_ai_platform qwencloud ragflow recraft reducto reka replicate runwayml s3_vectors sagemaker
    sagemaker_chat sagemaker_nova sail sambanova sap scaleway scx-ai snowflake soniox stability
    strands_decider synthetic tencent tensormesh text-completion-codestral text-completion-inception
    text-completion-openai together_ai topaz transcribe triton typesafe v0 valkey vercel_ai_gateway vertex_ai
    vertex_ai_beta vllm volcengine voyage wandb watsonx watsonx_text xai xiaomi_mimo xinference zai
    """.split()
)

#: Every provider that somebody has: LiteLLM, or we.
PROVIDERS = LITELLM_PROVIDERS | FAST_PATH | CODEX | {AGENT} | OWN_DIALECT.keys()
