#!/bin/sh
# One shard a task of a Slurm array; the folder SHARED is on a file system that all nodes see.
#
#   sbatch --array=1-4 --export=ALL,STAGE=saves,SHARED=/shared/matrix containers/cluster/slurm.sh
#   sbatch --array=1-12 --dependency=afterok:JOB --export=ALL,STAGE=loads,SHARED=/shared/matrix \
#       containers/cluster/slurm.sh
#   nox -s merge -- --out WHOLE /shared/matrix/part-*
#
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=04:00:00
set -eu
: "${SHARED:?name the shared folder}"
: "${STAGE:=loads}"
: "${SLURM_ARRAY_TASK_ID:?this is a task of an array}"
: "${SLURM_ARRAY_TASK_COUNT:?this is a task of an array}"
part=$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
# A store of its own, on the node: environments are many small files.
store=${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/matrix-$SLURM_ARRAY_TASK_ID
set -- --shard "$part" --artifacts "$SHARED/models" --store "$store" \
    --jobs "${SLURM_CPUS_PER_TASK:-1}" ${SELECTION:---profile full}
case $STAGE in
    saves) exec python -m runner run --saves-only "$@" ;;
    loads) exec python -m runner run --out "$SHARED/part-$SLURM_ARRAY_TASK_ID" "$@" ;;
    *) echo "STAGE is saves or loads, not $STAGE" >&2; exit 2 ;;
esac
