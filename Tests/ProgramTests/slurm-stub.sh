#!/bin/bash
# A cluster of one machine for tests: called as sbatch, squeue, scontrol or sacct by links of these names; keeps jobs in $SLURM_STUB and
# runs a task when it is told to: run JOB INDEX. What the real programs print and do is imitated as far as Isotherm uses it.
S=$SLURM_STUB
mkdir -p "$S/jobs" "$S/queue" "$S/restarts" "$S/pids"
name=${0##*/}
[ "$name" = slurm-stub.sh ] && { name=$1; shift; }
echo "$name $*" >>"$S/log"
case $name in
sbatch)
  [ -e "$S/refuse" ] && { cat "$S/refuse" >&2; exit 1; }
  array=
  while [ $# -gt 0 ]; do
    case $1 in
    --array=*) array=${1#--array=} ;;
    -*) ;;
    *) break ;;
    esac
    shift
  done
  [ -f "$1" ] || { echo "sbatch: error: Unable to open file $1" >&2; exit 1; }
  id=$(($(ls "$S/jobs" | wc -l) + 1))
  # Slurm keeps a copy of the script, not of the files that it names.
  mkdir "$S/jobs/$id"
  cp "$1" "$S/jobs/$id/script"
  shift
  printf '%s\n' "$@" >"$S/jobs/$id/arguments"
  array=${array%%%*}
  if [ -n "$array" ]; then
    for i in $(seq "${array%-*}" "${array#*-}"); do echo "$id|$i|PENDING|Resources|" >"$S/queue/${id}_$i"; done
  else
    echo "$id|N/A|PENDING|Dependency|" >"$S/queue/${id}_0"
  fi
  echo "$id"
  ;;
squeue) cat "$S"/queue/* 2>/dev/null; exit 0 ;;
sacct) echo "slurm_persist_conn_open: Slurm accounting storage is disabled" >&2; exit 1 ;;
scontrol)
  case "$1 $2" in
  "show config") echo "MaxArraySize            = ${STUB_MAX_ARRAY:-1001}" ;;
  requeue*)
    echo $(($(cat "$S/restarts/$2" 2>/dev/null || echo 0) + 1)) >"$S/restarts/$2"
    # As Slurm does: the task ends where it is.
    kill -KILL -- "-$(cat "$S/pids/$2")"
    ;;
  esac
  ;;
run)
  id=$1 index=$2
  script=$S/jobs/$id/script
  option() { sed -n "s/^#SBATCH \"\{0,1\}--$1=\([^\"]*\)\"\{0,1\}\$/\1/p" "$script"; }
  cd "$(option chdir)" || exit 1
  log=$(option output)
  log=${log//%A/$id} log=${log//%a/$index} log=${log//%j/$id}
  mapfile -t arguments <"$S/jobs/$id/arguments"
  echo "$id|$index|RUNNING|None|node1" >"$S/queue/${id}_$index"
  export SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$index
  SLURM_RESTART_COUNT=$(cat "$S/restarts/${id}_$index" 2>/dev/null || echo 0) setsid bash "$script" ${arguments[0]:+"${arguments[@]}"} >>"$log" 2>&1 &
  echo $! >"$S/pids/${id}_$index"
  wait $!
  status=$?
  rm -f "$S/queue/${id}_$index"
  [ $status = 137 ] && echo "$id|$index|PENDING|BeginTime|" >"$S/queue/${id}_$index"
  exit $status
  ;;
drop) rm -f "$S/queue/$1_$2" ;;
esac
