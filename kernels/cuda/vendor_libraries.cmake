# cuBLAS and cuDNN for the CUDA device, each where it is found; one file each stands in for what is
# not. Linked dynamically: the static ones would add hundreds of megabytes to every binary, and cuDNN
# loads most of itself at run time anyway. Only what nvcc compiles is linked to them, so a build
# without CUDA needs neither, and a build with CUDA needs what it was configured with.
set(TRADY_WITH_CUBLAS OFF)
set(TRADY_WITH_CUDNN OFF)
find_package(CUDAToolkit QUIET)
if(TRADY_CUBLAS)
  find_path(TRADY_CUBLASLT_INCLUDE cublasLt.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  if(TARGET CUDA::cublasLt AND TRADY_CUBLASLT_INCLUDE)
    set(TRADY_WITH_CUBLAS ON)
  endif()
endif()
if(TRADY_CUDNN)
  find_path(TRADY_CUDNN_INCLUDE cudnn_graph.h HINTS ENV CUDNN_HOME ${CUDAToolkit_INCLUDE_DIRS}
                                              PATH_SUFFIXES include)
  find_library(TRADY_CUDNN_LIBRARY cudnn HINTS ENV CUDNN_HOME ${CUDAToolkit_LIBRARY_DIR}
                                         PATH_SUFFIXES lib lib64)
  if(TRADY_CUDNN_INCLUDE AND TRADY_CUDNN_LIBRARY)  # cudnn_graph.h came with 9.0
    set(TRADY_WITH_CUDNN ON)
  endif()
endif()
message(STATUS "CUDA device: cuBLAS ${TRADY_WITH_CUBLAS}, cuDNN ${TRADY_WITH_CUDNN}")

# trady_link_vendor_libraries(<target>): adds the passes of each library, or what stands in.
function(trady_link_vendor_libraries target)
  if(TRADY_WITH_CUBLAS)
    target_sources(${target} PRIVATE cuda/cublas_passes.cu)
    target_include_directories(${target} SYSTEM PRIVATE ${TRADY_CUBLASLT_INCLUDE})
    target_link_libraries(${target} PRIVATE CUDA::cublasLt)
  else()
    target_sources(${target} PRIVATE cuda/without_cublas.cpp)
  endif()
  if(TRADY_WITH_CUDNN)
    target_sources(${target} PRIVATE cuda/cudnn_passes.cu)
    target_include_directories(${target} SYSTEM PRIVATE ${TRADY_CUDNN_INCLUDE})
    target_link_libraries(${target} PRIVATE ${TRADY_CUDNN_LIBRARY})
  else()
    target_sources(${target} PRIVATE cuda/without_cudnn.cpp)
  endif()
  # The target's options are nvcc's.
  set_source_files_properties(cuda/without_cublas.cpp cuda/without_cudnn.cpp PROPERTIES LANGUAGE
                                                                                      CUDA)
endfunction()
