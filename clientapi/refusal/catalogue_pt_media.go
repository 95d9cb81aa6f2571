package refusal

// portugueseMedia holds the pt-BR sentences of what is refused of files.
var portugueseMedia = map[string]string{
	"The field %s is a whole number from 0 to 9007199254740991.":                                               "O campo %s é um número inteiro de 0 a 9007199254740991.",
	"%d of your uploads have begun and are not finished. Finish one of them first.":                            "%d dos seus envios começaram e não terminaram. Termine um deles primeiro.",
	"Please give the address of a page that begins with https:// or http://.":                                  "Informe o endereço de uma página que comece com https:// ou http://.",
	"Please say which width and height the thumbnail should have.":                                             "Informe que largura e que altura a miniatura deve ter.",
	"The name of a file can have at most %d bytes.":                                                            "O nome de um arquivo pode ter no máximo %d bytes.",
	"The page could not be read.":                                                                              "Não foi possível ler a página.",
	"The server has no room for this file at the moment. Please tell its administrator.":                       "O servidor não tem espaço para este arquivo no momento. Avise o administrador dele.",
	"The server is busy and could not make this thumbnail in time. Please try again later.":                    "O servidor está ocupado e não conseguiu fazer esta miniatura a tempo. Tente novamente mais tarde.",
	"The server is reading too many pages at the moment. Please try again later.":                              "O servidor está lendo páginas demais no momento. Tente novamente mais tarde.",
	"The upload ended before all of it had arrived. Please try again.":                                         "O envio terminou antes de chegar por inteiro. Tente novamente.",
	"The width and the height of a thumbnail are at least 1.":                                                  "A largura e a altura de uma miniatura são no mínimo 1.",
	"There is no room for this file: all files of your account together may take %d bytes at most.":            "Não há espaço para este arquivo: todos os arquivos da sua conta juntos podem ocupar no máximo %d bytes.",
	"There is no room for this file: all your files together may take %d bytes at most.":                       "Não há espaço para este arquivo: todos os seus arquivos juntos podem ocupar no máximo %d bytes.",
	"There is no thumbnail of this file: it is no picture that the server can read.":                           "Não há miniatura deste arquivo: não é uma imagem que o servidor consiga ler.",
	"There is no thumbnail of this picture: it has more than %d pixels.":                                       "Não há miniatura desta imagem: ela tem mais de %d pixels.",
	"This file does not exist, or you may not see it.":                                                         "Este arquivo não existe, ou você não pode vê-lo.",
	"This file has been uploaded already, and files do not change.":                                            "Este arquivo já foi enviado, e arquivos não mudam.",
	"This file has not been uploaded yet. Please try again later.":                                             "Este arquivo ainda não foi enviado. Tente novamente mais tarde.",
	"This file is too large: at most %d bytes are permitted.":                                                  "Este arquivo é grande demais: são permitidos no máximo %d bytes.",
	"This upload is too slow: it was given up. Please try again with a better connection.":                     "Este envio está lento demais e foi interrompido. Tente novamente com uma conexão melhor.",
	"This upload was begun by somebody else.":                                                                  "Este envio foi iniciado por outra pessoa.",
	"This file was not taken: the virus scanner has found something harmful in it (%s).":                       "Este arquivo não foi aceito: o antivírus encontrou algo nocivo nele (%s).",
	"This file was not taken, because it cannot be checked for viruses at the moment. Please try again later.": "Este arquivo não foi aceito, porque no momento não é possível verificar se ele tem vírus. Tente novamente mais tarde.",
}
