/**
 * Names that a slip is likely to be meant for, of the two registries where anybody takes any free name: the 400 most downloaded ones of each on one day in November 2026, by the
 * registries' own counts; some dozens more that typosquats of the past were made for; and those of the 5,000 most downloaded that would otherwise be called a slip of one of these.
 * Names only, in the order of the alphabet. `src/gate/dependencies/names.ts` says what resembles.
 */
export const POPULAR: Readonly<Record<'npm' | 'pypi', readonly string[]>> = {
  npm: words(`
    @ai-sdk/anthropic @angular/core @anthropic-ai/sdk @aws-sdk/types @aws-sdk/util-endpoints @babel/code-frame @babel/compat-data @babel/core @babel/generator @babel/helper-compilation-targets
    @babel/helper-globals @babel/helper-module-imports @babel/helper-module-transforms @babel/helper-plugin-utils @babel/helper-string-parser @babel/helper-validator-identifier
    @babel/helper-validator-option @babel/helpers @babel/parser @babel/runtime @babel/template @babel/traverse @babel/types @esbuild/linux-x64 @eslint-community/eslint-utils
    @eslint-community/regexpp @eslint/eslintrc @eslint/js @img/sharp-libvips-linuxmusl-x64 @img/sharp-linuxmusl-x64 @isaacs/cliui @jest/schemas @jest/types @jridgewell/gen-mapping
    @jridgewell/resolve-uri @jridgewell/sourcemap-codec @jridgewell/trace-mapping @nodelib/fs.scandir @nodelib/fs.stat @nodelib/fs.walk @opentelemetry/core @opentelemetry/semantic-conventions
    @pkgjs/parseargs @radix-ui/react-slot @rollup/rollup-linux-x64-musl @sinclair/typebox @smithy/is-array-buffer @smithy/types @smithy/util-buffer-from @smithy/util-utf8
    @tailwindcss/oxide-linux-x64-musl @types/estree @types/jest @types/json-schema @types/mime @types/node @types/react @types/yargs @typescript-eslint/eslint-plugin @typescript-eslint/parser
    @typescript-eslint/scope-manager @typescript-eslint/type-utils @typescript-eslint/types @typescript-eslint/typescript-estree @typescript-eslint/utils @typescript-eslint/visitor-keys
    @unrs/resolver-binding-linux-x64-musl accepts acorn acorn-jsx acorn-walk agent-base ajv ajv-formats ajv-keywords ansi-escapes ansi-regex ansi-styles anymatch arg argparse aria-query async
    asynckit axios babel-code-frame babel-core babel-runtime babel-template babel-traverse babel-types balanced-match base64-js baseline-browser-mapping bcrypt bcryptjs binary-extensions
    binaryextensions body-parser brace-expansion braces browserslist buffer buffer-from buffers bytes call-bind call-bind-apply-helpers call-bound callsite callsites camel-case camelcase
    caniuse-lite chai chalk chokidar chownr ci-info cli-cursor cliui color color-convert color-name colord colors combined-stream commander concat-map content-disposition convert-source-map
    cookie cookie-signature cookies core-util-is cors cosmiconfig cross-env cross-spawn crypt csstype dargs debug deep-is define-data-property define-properties delayed-stream depd detect-libc
    diff discord.js doctrine dom-serialize dom-serializer domhandler domutils dotenv dunder-proto eastasianwidth electron electron-to-chromium emoji-regex encodeurl end-of-stream enhanced-resolve
    entities error-ex es-abstract es-define-property es-errors es-object-atoms es-set-tostringtag esbuild escalade escape-string-regexp eslint eslint-scope eslint-visitor-keys espree esprima
    esquery esrecurse estraverse estree-walker esutils ethers eventemitter2 eventemitter3 execa express fast-deep-equal fast-glob fast-json-stable-stringify fast-levenshtein fastify fastq fdir
    file-entry-cache fill-range finalhandler find-up flat-cache flatted follow-redirects for-each foreach foreground-child form-data fresh fs-extra fs.realpath function-bind gaxios gensync
    get-caller-file get-intrinsic get-proto get-stream glob glob-parent global globals globby gopd graceful-fs has-flag has-property-descriptors has-symbols has-tostringtag hasown helmet
    hosted-git-info http-errors http-proxy-agent https-proxy-agent human-signals iconv-lite ieee754 ignore import-fresh imurmurhash indent-string inflight inherits ini ioredis ip-regex ipaddr.js
    is-arrayish is-binary-path is-callable is-core-module is-docker is-extglob is-fullwidth-code-point is-glob is-number is-plain-obj is-regex is-regexp is-stream is-typed-array is-typedarray
    is-unicode-supported is-wsl isarray isexe isstream istanbul-lib-instrument jackspeak jest jest-diff jest-message-util jest-util jest-worker jiti jquery js-base64 js-tokens js-yaml jsesc
    json-buffer json-parse-even-better-errors json-schema-traverse json-stable-stringify-without-jsonify json5 jsonfile jsonwebtoken just-diff keyv kind-of knex koa langchain left-pad levn
    lightningcss-linux-x64-musl lines-and-columns locate-path lodash lodash.merge log-symbols lru-cache magic-string make-dir math-intrinsics media-typer merge merge-descriptors merge-stream
    merge2 micromatch mime mime-db mime-types mimic-fn minimatch minimist minipass mkdirp mocha moment mongodb mongoose mquery ms multer mysql mysql2 nanoid natural-compare negotiator next
    node-fetch node-releases nodemailer normalize-path npm-run-path nuxt object-assign object-inspect object.assign on-finished once one-time onetime open openai optionator p-limit p-locate p-map
    p-try package-json-from-dist parcel parent-module parse-json parse-path parse5 passport path-exists path-is-absolute path-key path-parse path-scurry path-to-regexp path-type pg picocolors
    picomatch pify pkg-dir playwright postcss postcss-selector-parser preact prelude-ls prettier pretty-format prisma proxy-from-env punycode puppeteer qs queue-microtask range-parser raw-body
    react react-dom react-is react-router-dom readable-stream readdirp redis redux request require-directory require-from-string resolve resolve-from restore-cursor retry reusify rimraf rollup
    run-parallel rxjs safe-buffer safer-buffer scheduler schema-utils semver send sequelize serve-static set-function-length set-proto setprototypeof shebang-command shebang-regex side-channel
    side-channel-list side-channel-map side-channel-weakmap signal-exit slash slice-ansi socket.io source-map source-map-js source-map-support sprintf-js statuses string-width string_decoder
    strip-ansi strip-bom strip-final-newline strip-json-comments supports-color supports-preserve-symlinks-flag svelte synckit tapable telecom-mas-agent tinyglobby to-regex-range toidentifier
    tough-cookie tr46 ts-api-utils tsconfig-paths tslib tslint tsutils type-check type-fest type-is typeorm typescript underscore undici-types universalify update-browserslist-db uri-js urijs
    util-deprecate uuid vary vite vitest vue web3 webidl-conversions webpack whatwg-url which which-typed-array word-wrap wordwrap wrap-ansi wrappy write-file-atomic ws y18n yallist yaml yargs
    yargs-parser yocto-queue zod
  `),
  pypi: words(`
    aiobotocore aiofile aiofiles aiohappyeyeballs aiohttp aioitertools aiosignal alembic annotated-doc annotated-types anthropic anyio arrow asgiref asn1crypto asttokens async-timeout asyncpg
    attrs authlib awscli awswrangler azure-core azure-identity azure-storage-blob babel backoff backports-tarfile bcrypt beartype beautifulsoup4 black blinker boto3 botocore brotli build
    cachecontrol cachetools cattrs cchardet celery certifi cffi cfgv cfn-lint chardet charset-normalizer click cloudpickle colorama comm contourpy coverage crashtest cryptography cycler cyclopts
    cython databricks-sdk databricks-sql-connector dataclasses-json dataset datasets dbt-adapters dbt-common dbt-core debugpy decorator deepdiff defusedxml deprecated deprecation dill distlib
    distro django dnspython docker docstring-parser docutils dulwich durationpy dydantic editables email-validator et-xmlfile exceptiongroup execnet executing fastapi fastjsonschema filelock
    flask flatbuffers fonttools frozenlist fsspec gcsfs gitdb gitpython google-analytics-admin google-api-core google-api-python-client google-auth google-auth-httplib2 google-auth-oauthlib
    google-cloud-aiplatform google-cloud-batch google-cloud-bigquery google-cloud-bigtable google-cloud-compute google-cloud-core google-cloud-dataform google-cloud-dlp google-cloud-kms
    google-cloud-language google-cloud-logging google-cloud-monitoring google-cloud-os-login google-cloud-pubsub google-cloud-redis google-cloud-secret-manager google-cloud-speech
    google-cloud-storage google-cloud-tasks google-cloud-texttospeech google-cloud-videointelligence google-cloud-vision google-cloud-workflows google-crc32c google-genai google-resumable-media
    googleapis-common-protos greenlet grpc-google-iam-v1 grpcio grpcio-health-checking grpcio-status grpcio-tools gsutil gunicorn h11 h2 hatchling hf-xet hpack httpcore httplib2 httpr httptools
    httpx httpx-sse huggingface-hub hyperframe identify idna importlib-metadata importlib-resources iniconfig installer invoke ipykernel ipython isodate isort itsdangerous jaraco-classes
    jaraco-context jaraco-functools jedi jeepney jinja2 jiter jiwer jmespath joblib joserfc jsonpatch jsonpath jsonpointer jsonref jsonschema jsonschema-path jsonschema-specifications
    jupyter-client jupyter-core keras keyring kiwisolver kubernetes langchain langchain-core langsmith librt linkify-it-py litellm llama-cloud-services llama-parse loguru lxml lz4 mako markdown
    markdown-it-py markdown2 markupsafe marshmallow matplotlib matplotlib-inline mccabe mcp mdit-py-plugins mdurl mistune more-itertools mpmath msal msal-extensions msgpack msrest multidict
    multiprocess mypy mypy-extensions mysqlclient narwhals nest-asyncio nest-asyncio2 networkx nodeenv numpy oauthlib onnxruntime openai opencv-python openpyxl opentelemetry-api
    opentelemetry-exporter-otlp opentelemetry-exporter-otlp-proto-common opentelemetry-exporter-otlp-proto-grpc opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation
    opentelemetry-instrumentation-requests opentelemetry-proto opentelemetry-sdk opentelemetry-semantic-conventions opentelemetry-util-http orjson packaging pandas pandas-stubs paramiko parse
    parso parsy pathable pathspec pexpect pillow pip pkginfo platformdirs playwright pluggy poetry poetry-core pre-commit prometheus-client prompt-toolkit propcache proto-plus protobuf psutil
    psycopg psycopg-binary psycopg2 psycopg2-binary ptyprocess pure-eval py4j pyaml pyarrow pyasn1 pyasn1-modules pycodestyle pycparser pycryptodome pycryptodomex pydantic pydantic-ai-slim
    pydantic-core pydantic-graph pydantic-settings pyee pygithub pygments pyjwt pymongo pymssql pymupdf pymupdfb pymysql pynacl pyopenssl pyparsing pyperclip pyproject-hooks pytest pytest-asyncio
    pytest-cov pytest-json-ctrf pytest-mock pytest-xdist python-dateutil python-discovery python-dotenv python-json-logger python-multipart python-slugify pytokens pytz pyyaml pyzmq rapidfuzz
    redis referencing regex requests requests-oauthlib requests-toolbelt rfc3339-validator rich rich-rst rich-toolkit rpds-py rsa ruamel-yaml ruamel-yaml-clib ruff s3fs s3transfer safetensors
    scapy scikit-learn scipy secretstorage selenium semver sentry-sdk setuptools setuptools-scm sglang shellingham six slack-sdk smmap sniffio snowflake-connector-python snowflake-snowpark-python
    snowflake-sqlalchemy sortedcontainers soupsieve sphinx spython sqlalchemy sqlalchemy-bigquery sqlparse sse-starlette stack-data starlette structlog sympy tabulate tenacity tensorflow
    termcolor text-unidecode textual threadpoolctl tiktoken tinycss2 tokenizers toml tomli tomlkit torch tornado tqdm traitlets transformers tree-sitter trove-classifiers typer types-protobuf
    types-pyyaml types-requests typing-extensions typing-inspect typing-inspection tzdata tzlocal uc-micro-py unicorn uri-template uritemplate urllib3 usort uv uvicorn uvloop vcs-versioning
    virtualenv watchdog watchfiles wcwidth weaviate-client web3 webencodings websocket-client websockets werkzeug wheel willow wrapt xlsxwriter xmltodict xxhash yarl ydb zipp zstandard
  `),
};

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
