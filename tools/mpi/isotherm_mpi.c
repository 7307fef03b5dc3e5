// What Isotherm needs of MPI, built by tools/build-mpi with the cluster's own mpicc and loaded when a program was started by mpirun or srun.
// Every function returns 0, or MPI's error code.
#include <limits.h>
#include <mpi.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

// Changes with the meaning of what stands below.
EXPORTED int isotherm_mpi_interface(void) { return 1; }

EXPORTED int isotherm_mpi_start(int32_t *rank, int32_t *size) {
  int started = 0, provided = 0, own = 0, all = 0;
  MPI_Initialized(&started);
  // One thread calls; others compute.
  int error = started ? MPI_SUCCESS : MPI_Init_thread(0, 0, MPI_THREAD_FUNNELED, &provided);
  if (error == MPI_SUCCESS) error = MPI_Comm_rank(MPI_COMM_WORLD, &own);
  if (error == MPI_SUCCESS) error = MPI_Comm_size(MPI_COMM_WORLD, &all);
  *rank = own;
  *size = all;
  return error;
}

EXPORTED int isotherm_mpi_finish(void) { return MPI_Finalize(); }

EXPORTED int isotherm_mpi_abort(int32_t status) { return MPI_Abort(MPI_COMM_WORLD, status); }

// MPI counts in int: pieces beyond 2 GiB go as words of eight bytes.
static int counted(int64_t bytes, MPI_Datatype *type) {
  *type = bytes % 8 == 0 ? MPI_INT64_T : MPI_BYTE;
  int64_t count = bytes % 8 == 0 ? bytes / 8 : bytes;
  return count <= INT_MAX ? (int)count : -1;
}

EXPORTED int isotherm_mpi_exchange(const void *own, int64_t bytes, void *all) {
  MPI_Datatype type;
  int count = counted(bytes, &type);
  return count < 0 ? MPI_ERR_COUNT : MPI_Alltoall(own, count, type, all, count, type, MPI_COMM_WORLD);
}

EXPORTED int isotherm_mpi_gather(const void *own, int64_t bytes, void *all) {
  MPI_Datatype type;
  int count = counted(bytes, &type);
  return count < 0 ? MPI_ERR_COUNT : MPI_Allgather(own, count, type, all, count, type, MPI_COMM_WORLD);
}

EXPORTED int isotherm_mpi_broadcast(void *values, int64_t bytes) {
  MPI_Datatype type;
  int count = counted(bytes, &type);
  return count < 0 ? MPI_ERR_COUNT : MPI_Bcast(values, count, type, 0, MPI_COMM_WORLD);
}

EXPORTED int isotherm_mpi_maximum(int32_t *value) {
  return MPI_Allreduce(MPI_IN_PLACE, value, 1, MPI_INT32_T, MPI_MAX, MPI_COMM_WORLD);
}

// At most 256 bytes of the library's name and version.
EXPORTED int isotherm_mpi_version(char *text) {
  char whole[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  int error = MPI_Get_library_version(whole, &length);
  int place = 0;
  for (; error == MPI_SUCCESS && place < length && place < 255 && whole[place] != '\n'; place++) text[place] = whole[place];
  text[place] = 0;
  return error;
}
