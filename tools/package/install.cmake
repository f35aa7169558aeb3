# What `cmake --install` puts where, in two components:
#   runtime      the program, its completion, and the converter of checkpoints
#   development  static libraries, headers, and what find_package(trady) reads
include(CMakePackageConfigHelpers)

# --- runtime: bin/trady is installed by tools/CMakeLists.txt ---
set(TRADY_SHARE ${CMAKE_INSTALL_DATADIR}/trady)
install(FILES tools/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME trady COMPONENT runtime)
install(PROGRAMS tools/convert_checkpoint.py DESTINATION ${TRADY_SHARE} RENAME trady-convert
        COMPONENT runtime)
install(DIRECTORY tools/checkpoint DESTINATION ${TRADY_SHARE} COMPONENT runtime
        FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)
file(RELATIVE_PATH TRADY_SHARE_FROM_BIN ${CMAKE_INSTALL_FULL_BINDIR}
     ${CMAKE_INSTALL_FULL_DATADIR}/trady)
configure_file(tools/package/trady-convert.in trady-convert @ONLY)
install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/trady-convert TYPE BIN COMPONENT runtime)

# --- development ---
set(TRADY_HEADERS ${CMAKE_INSTALL_INCLUDEDIR}/trady)
set(TRADY_INSTALLED_LIBRARIES trady_options)
foreach(folder kernels engine models selection)
  get_property(libraries DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  list(APPEND TRADY_INSTALLED_LIBRARIES ${libraries})
endforeach()
foreach(library ${TRADY_INSTALLED_LIBRARIES})
  string(REPLACE trady_ "" name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${library} EXPORT trady-targets COMPONENT development)
endforeach()

# Of kernels/ the contract; what implements it is nobody's to call.
file(GLOB TRADY_KERNEL_HEADERS CONFIGURE_DEPENDS kernels/*.h)
install(FILES ${TRADY_KERNEL_HEADERS} DESTINATION ${TRADY_HEADERS}/kernels COMPONENT development)
install(FILES kernels/cuda/cuda_backend.h kernels/cuda/pass_choice.h kernels/cuda/precision.h
        DESTINATION ${TRADY_HEADERS}/kernels/cuda COMPONENT development)
install(DIRECTORY engine models selection DESTINATION ${TRADY_HEADERS} COMPONENT development
        FILES_MATCHING PATTERN "*.h"
        PATTERN pretrained EXCLUDE PATTERN rankings EXCLUDE)

set(TRADY_PACKAGE_FILES ${CMAKE_INSTALL_LIBDIR}/cmake/trady)
set(TRADY_NEEDS_ONEDNN OFF)
if(TRADY_ONEDNN AND dnnl_FOUND)
  set(TRADY_NEEDS_ONEDNN ON)
endif()
configure_package_config_file(tools/package/trady-config.cmake.in trady-config.cmake
                              INSTALL_DESTINATION ${TRADY_PACKAGE_FILES})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/trady-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/trady-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/trady-config-version.cmake
        DESTINATION ${TRADY_PACKAGE_FILES} COMPONENT development)
install(EXPORT trady-targets NAMESPACE trady:: DESTINATION ${TRADY_PACKAGE_FILES}
        COMPONENT development)
