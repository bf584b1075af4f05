# What the scripts in this folder share: where things are, and how the emulator is spoken to. Sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

local_dir=$PWD/.local
mkdir -p "$local_dir"

# Which emulator answers is decided by AWS_ENDPOINT_URL alone. The keys are not secrets: `test` is the root of an account
# that lives in the emulator's memory. AWS_PROFILE and a session token would get in their way.
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://localhost:4566}
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
unset AWS_PROFILE AWS_SESSION_TOKEN
export SAM_CLI_TELEMETRY=0

say() { printf '%s\n' "$*" >&2; }

# Runs a command with its output in a log, and shows the log only when the command fails.
quietly() {
  local log=$local_dir/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    say "That failed: $*"
    say "The whole output is in ${log#"$PWD"/}."
    return 1
  fi
}
