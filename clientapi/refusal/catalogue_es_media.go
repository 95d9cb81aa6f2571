package refusal

// spanishMedia holds the es sentences of what is refused of files.
var spanishMedia = map[string]string{
	"The field %s is a whole number from 0 to 9007199254740991.":                                               "El campo %s es un número entero de 0 a 9007199254740991.",
	"%d of your uploads have begun and are not finished. Finish one of them first.":                            "%d de sus subidas han comenzado y no han terminado. Termine una de ellas primero.",
	"Please give the address of a page that begins with https:// or http://.":                                  "Indique la dirección de una página que empiece por https:// o http://.",
	"Please say which width and height the thumbnail should have.":                                             "Indique qué ancho y qué alto debe tener la miniatura.",
	"The name of a file can have at most %d bytes.":                                                            "El nombre de un archivo puede tener como máximo %d bytes.",
	"The page could not be read.":                                                                              "No se pudo leer la página.",
	"The server has no room for this file at the moment. Please tell its administrator.":                       "El servidor no tiene espacio para este archivo en este momento. Avise a su administrador.",
	"The server is busy and could not make this thumbnail in time. Please try again later.":                    "El servidor está ocupado y no pudo hacer esta miniatura a tiempo. Inténtelo de nuevo más tarde.",
	"The server is reading too many pages at the moment. Please try again later.":                              "El servidor está leyendo demasiadas páginas en este momento. Inténtelo de nuevo más tarde.",
	"The upload ended before all of it had arrived. Please try again.":                                         "La subida terminó antes de llegar por completo. Inténtelo de nuevo.",
	"The width and the height of a thumbnail are at least 1.":                                                  "El ancho y el alto de una miniatura son como mínimo 1.",
	"There is no room for this file: all files of your account together may take %d bytes at most.":            "No hay espacio para este archivo: todos los archivos de su cuenta juntos pueden ocupar como máximo %d bytes.",
	"There is no room for this file: all your files together may take %d bytes at most.":                       "No hay espacio para este archivo: todos sus archivos juntos pueden ocupar como máximo %d bytes.",
	"There is no thumbnail of this file: it is no picture that the server can read.":                           "No hay miniatura de este archivo: no es una imagen que el servidor pueda leer.",
	"There is no thumbnail of this picture: it has more than %d pixels.":                                       "No hay miniatura de esta imagen: tiene más de %d píxeles.",
	"This file does not exist, or you may not see it.":                                                         "Este archivo no existe, o usted no puede verlo.",
	"This file has been uploaded already, and files do not change.":                                            "Este archivo ya se subió, y los archivos no cambian.",
	"This file has not been uploaded yet. Please try again later.":                                             "Este archivo aún no se ha subido. Inténtelo de nuevo más tarde.",
	"This file is too large: at most %d bytes are permitted.":                                                  "Este archivo es demasiado grande: se permiten como máximo %d bytes.",
	"This upload is too slow: it was given up. Please try again with a better connection.":                     "Esta subida es demasiado lenta y se interrumpió. Inténtelo de nuevo con una conexión mejor.",
	"This upload was begun by somebody else.":                                                                  "Esta subida la comenzó otra persona.",
	"This file was not taken: the virus scanner has found something harmful in it (%s).":                       "Este archivo no fue aceptado: el antivirus encontró algo dañino en él (%s).",
	"This file was not taken, because it cannot be checked for viruses at the moment. Please try again later.": "Este archivo no fue aceptado, porque en este momento no se puede comprobar si tiene virus. Inténtelo de nuevo más tarde.",
}
