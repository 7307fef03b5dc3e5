// HDF5's public constants are macros that run H5open() first, which Swift cannot import: inline functions here.
#pragma once
#include <hdf5.h>
#include <hdf5_hl.h>

// Linux's: glibc declares it for GNU sources only. Flag 2 begins the writing and does not wait; a count of 0 means to the end.
extern int sync_file_range(int file, long long offset, long long count, unsigned int flags);
static inline int isotherm_begin_writing_out(int file) { return sync_file_range(file, 0, 0, 2); }
static inline hid_t isotherm_type_int8(void) { return H5T_STD_I8LE; }
static inline hid_t isotherm_type_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t isotherm_type_int16(void) { return H5T_STD_I16LE; }
static inline hid_t isotherm_type_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t isotherm_type_int32(void) { return H5T_STD_I32LE; }
static inline hid_t isotherm_type_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t isotherm_type_int64(void) { return H5T_STD_I64LE; }
static inline hid_t isotherm_type_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t isotherm_type_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t isotherm_type_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t isotherm_type_c_string(void) { return H5T_C_S1; }
static inline hid_t isotherm_type_object(void) { return H5T_STD_REF_OBJ; }
static inline hid_t isotherm_type_region(void) { return H5T_STD_REF_DSETREG; }
static inline size_t isotherm_variable_length(void) { return H5T_VARIABLE; }

static inline hid_t isotherm_plist_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t isotherm_plist_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t isotherm_plist_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t isotherm_plist_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t isotherm_plist_dataset_access(void) { return H5P_DATASET_ACCESS; }
static inline hid_t isotherm_plist_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t isotherm_plist_default(void) { return H5P_DEFAULT; }

static inline unsigned isotherm_access_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned isotherm_access_read_write(void) { return H5F_ACC_RDWR; }
static inline unsigned isotherm_access_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned isotherm_access_truncate(void) { return H5F_ACC_TRUNC; }
static inline hid_t isotherm_space_all(void) { return H5S_ALL; }
static inline size_t isotherm_region_reference_size(void) { return sizeof(hdset_reg_ref_t); }
static inline unsigned isotherm_info_attributes(void) { return H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS; }
static inline unsigned isotherm_copy_without_attributes(void) {
  return H5O_COPY_WITHOUT_ATTR_FLAG | H5O_COPY_MERGE_COMMITTED_DTYPE_FLAG;
}
static inline hid_t isotherm_plist_object_copy(void) { return H5P_OBJECT_COPY; }
static inline unsigned isotherm_info_basic(void) { return H5O_INFO_BASIC; }
static inline haddr_t isotherm_no_address(void) { return HADDR_UNDEF; }
static inline hsize_t isotherm_unlimited(void) { return H5S_UNLIMITED; }
static inline hid_t isotherm_estack_default(void) { return H5E_DEFAULT; }
static inline unsigned isotherm_object_all(void) { return H5F_OBJ_ALL | H5F_OBJ_LOCAL; }

#include <malloc.h>
// «H5dont_atexit must be called before any other HDF5 function.» Two heaps are enough where one lock serves all calls; with
// one a thread, what a thread frees lies idle in its own.
static inline int isotherm_prepare(void) {
  mallopt(M_ARENA_MAX, 2);
  return H5dont_atexit();
}
static inline void isotherm_release_memory(void) {
  H5garbage_collect();
  malloc_trim(0);
}
